"""From what annotators did to labels: the kinds of answer, who wins, the manifest in and out."""
