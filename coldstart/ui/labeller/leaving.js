// A tab that is closed holds no image back.

import { waitingByImage } from "./outbox.js";

/** Return the images of this page and the next, but for those whose answers are on their way. */
export function returnImages(labeller) {
  const { data, images, outbox } = labeller;
  const waiting = waitingByImage(outbox);
  const ids = [...images, ...data.next_images].map((row) => row.id).filter((id) => !waiting.has(id));
  if (ids.length === 0 || !data.urls.leases) return;
  void fetch(data.urls.leases, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${outbox.token}` },
    body: JSON.stringify({ count: 0, images: ids }),
    keepalive: true, // arrives though the tab is gone
  }).catch(() => {}); // then the leases run out by themselves
}
