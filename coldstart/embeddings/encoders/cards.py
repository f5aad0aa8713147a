"""The one list of encoders: what each knows, whose it is, and where its weights come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coldstart.errors import ColdstartError

TIMM_PREFIX = "timm:"


@dataclass(frozen=True)
class WeightsSource:
    """Where pretrained weights come from, and where they are looked for on this machine.

    ``repository`` and ``file_in_repository`` name a file on the Hugging Face hub, which is then
    fetched by `huggingface_hub` (its mirrors, tokens and proxies count).
    """

    url: str
    megabytes: int | None = None
    file_name: str = ""
    repository: str = ""
    file_in_repository: str = ""

    @property
    def cached_file(self) -> Path:
        """Where the file is looked for: put it there by hand, and nothing is downloaded."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
        name = self.file_name or self.url.rsplit("/", 1)[1]
        return Path(home).expanduser() / "hub" / "checkpoints" / name

    @property
    def present(self) -> Path | None:
        """The file on this machine, if it is here: put by hand, or downloaded before."""
        if self.cached_file.is_file():
            return self.cached_file
        if not self.repository:
            return None
        import huggingface_hub

        found = huggingface_hub.try_to_load_from_cache(self.repository, self.file_in_repository)
        return Path(found) if isinstance(found, str) else None

    @property
    def command(self) -> str:
        """What fetches the file, to be typed on a connected machine."""
        if self.file_name:
            return f"curl -L -o {self.file_name} {self.url}"
        return f"curl -LO {self.url}"

    @property
    def size(self) -> str:
        """How much there is to download, in words."""
        return "unknown size" if self.megabytes is None else f"{self.megabytes:,} MB"


def on_the_hub(
    repository: str, file: str, saved_as: str, megabytes: int | None = None
) -> WeightsSource:
    """A file of a repository on the Hugging Face hub."""
    return WeightsSource(
        url=f"https://huggingface.co/{repository}/resolve/main/{file}",
        megabytes=megabytes,
        file_name=saved_as,
        repository=repository,
        file_in_repository=file,
    )


@dataclass(frozen=True)
class EncoderCard:
    """What a person should know before choosing an encoder.

    ``options`` are the keyword arguments `make_encoder` takes for it, with their defaults;
    ``weights`` is None for an encoder that needs none. ``model`` and ``arguments`` are what timm
    builds it from; ``open_clip`` names the text tower that lives in the same space.
    """

    name: str
    title: str
    knows: str
    dimension: int
    input_pixels: int
    paper: str
    licence: str
    weights: WeightsSource | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    open_clip: str = ""


_CARDS = (
    EncoderCard(
        name="folder",
        title="Learned from this folder",
        knows="colour, texture and coarse shape, not objects; needs no download",
        dimension=128,
        input_pixels=64,
        paper="Fisher vector (Perronnin & Dance 2007), k-means patches (Coates, Lee & Ng 2011), "
        "HOG (Dalal & Triggs 2005), colour histogram",
        licence="Apache-2.0, as coldstart itself",
        options={"flip": True},
    ),
    EncoderCard(
        name="dinov2_vits14",
        title="DINOv2, small",
        knows="what belongs together on photos of all kinds, learned without labels",
        dimension=384,
        input_pixels=224,
        paper="Oquab et al. 2023, DINOv2: Learning Robust Visual Features without Supervision",
        licence="Apache-2.0",
        weights=on_the_hub(
            "timm/vit_small_patch14_dinov2.lvd142m",
            "model.safetensors",
            "vit_small_patch14_dinov2.lvd142m.safetensors",
            88,
        ),
        model="vit_small_patch14_dinov2.lvd142m",
        # Trained at 518 pixels; at 224 it is six times as fast, as its own evaluation is run.
        arguments={"img_size": 224, "crop_pct": 0.875},
    ),
    EncoderCard(
        name="dinov2_vitb14",
        title="DINOv2, base",
        knows="the same as the small one, somewhat better, for four times the time",
        dimension=768,
        input_pixels=224,
        paper="Oquab et al. 2023, DINOv2: Learning Robust Visual Features without Supervision",
        licence="Apache-2.0",
        weights=on_the_hub(
            "timm/vit_base_patch14_dinov2.lvd142m",
            "model.safetensors",
            "vit_base_patch14_dinov2.lvd142m.safetensors",
            346,
        ),
        model="vit_base_patch14_dinov2.lvd142m",
        arguments={"img_size": 224, "crop_pct": 0.875},
    ),
    EncoderCard(
        name="dinov3_vits16",
        title="DINOv3, small",
        knows="what belongs together on photos of all kinds; the successor of DINOv2",
        dimension=384,
        input_pixels=256,
        paper="Siméoni et al. 2025, DINOv3",
        licence="DINOv3 License (Meta): read it before commercial use",
        weights=on_the_hub(
            "timm/vit_small_patch16_dinov3.lvd1689m",
            "model.safetensors",
            "vit_small_patch16_dinov3.lvd1689m.safetensors",
            86,
        ),
        model="vit_small_patch16_dinov3.lvd1689m",
    ),
    EncoderCard(
        name="dino_resnet50",
        title="DINO, ResNet-50",
        knows="what belongs together on everyday photos, learned on ImageNet without its labels",
        dimension=2048,
        input_pixels=224,
        paper="Caron et al. 2021, Emerging Properties in Self-Supervised Vision Transformers",
        licence="Apache-2.0",
        weights=WeightsSource(
            "https://dl.fbaipublicfiles.com/dino/dino_resnet50_pretrain/dino_resnet50_pretrain.pth",
            94,
        ),
    ),
    EncoderCard(
        name="clip_vitb16",
        title="CLIP, ViT-B/16",
        knows="what people write about pictures; can also be searched by words",
        dimension=512,
        input_pixels=224,
        paper="Radford et al. 2021, Learning Transferable Visual Models From Natural Language "
        "Supervision",
        licence="MIT (OpenAI)",
        weights=on_the_hub(
            "timm/vit_base_patch16_clip_224.openai",
            "open_clip_model.safetensors",
            "vit_base_patch16_clip_224.openai.safetensors",
            599,
        ),
        model="vit_base_patch16_clip_quickgelu_224.openai",
        open_clip="ViT-B-16-quickgelu",
    ),
    EncoderCard(
        name="siglip_vitb16",
        title="SigLIP, ViT-B/16",
        knows="what people write about pictures, learned from more of them; searched by words too",
        dimension=768,
        input_pixels=224,
        paper="Zhai et al. 2023, Sigmoid Loss for Language Image Pre-Training",
        licence="Apache-2.0",
        weights=on_the_hub(
            "timm/ViT-B-16-SigLIP",
            "open_clip_model.safetensors",
            "ViT-B-16-SigLIP.safetensors",
            813,
        ),
        model="vit_base_patch16_siglip_224.webli",
        open_clip="ViT-B-16-SigLIP",
    ),
    EncoderCard(
        name="vgg16",
        title="VGG16, ImageNet",
        knows="the things on everyday photos: 1,000 kinds of objects and animals",
        dimension=4096,
        input_pixels=224,
        paper="Simonyan & Zisserman 2015, Very Deep Convolutional Networks",
        licence="BSD-3-Clause (torchvision); trained on ImageNet, for non-commercial research",
        weights=WeightsSource("https://download.pytorch.org/models/vgg16-397923af.pth", 528),
    ),
)

ENCODERS: dict[str, EncoderCard] = {card.name: card for card in _CARDS}


def card_of(name: str) -> EncoderCard:
    """The card of an encoder: one of `ENCODERS`, or ``timm:<name>`` for any other timm model.

    Raises
    ------
    ColdstartError : there is no such encoder; it names the nearest.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    if name.startswith(TIMM_PREFIX):
        return _timm_card(name.removeprefix(TIMM_PREFIX))
    raise ColdstartError(
        f"There is no encoder called {name!r}.",
        f"Choose one of {', '.join(ENCODERS)}, or {TIMM_PREFIX}NAME for a model of timm.",
    )


def _timm_card(model: str) -> EncoderCard:
    import difflib

    import timm
    import torch

    architecture = model.partition(".")[0]
    known = timm.list_models()
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=3)
        raise ColdstartError(
            f"timm has no model called {model!r}.",
            f"Did you mean {' or '.join(near)}?" if near else "Look it up with timm.list_models().",
        )
    try:
        cfg = timm.models.get_pretrained_cfg(model)
    except RuntimeError:
        cfg = None
    if cfg is None:
        raise ColdstartError(
            f"timm has no weights called {model!r}.",
            f"Leave out what follows the dot: {TIMM_PREFIX}{architecture}.",
        )
    with torch.device("meta"):
        built: Any = timm.create_model(architecture, num_classes=0)
    dimension = int(
        built.head_hidden_size if hasattr(built, "head_hidden_size") else built.num_features
    )
    weights = None
    saved_as = f"{architecture}.{cfg.tag}.safetensors" if cfg.tag else f"{architecture}.safetensors"
    if cfg.hf_hub_id:
        file = cfg.hf_hub_filename or "model.safetensors"
        weights = on_the_hub(cfg.hf_hub_id, file, saved_as)
    elif isinstance(cfg.url, str) and cfg.url:
        weights = WeightsSource(cfg.url)
    return EncoderCard(
        name=TIMM_PREFIX + model,
        title=f"timm: {model}",
        knows="what it was trained for; see its page at timm",
        dimension=dimension,
        input_pixels=int(cfg.input_size[-1]),
        paper=f"arXiv:{cfg.paper_ids}" if cfg.paper_ids else "see timm's page on it",
        licence=str(cfg.license or "see timm's page on it"),
        weights=weights,
        model=model,
    )
