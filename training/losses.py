"""Additive angular margin softmax (ArcFace, https://arxiv.org/abs/1801.07698) and distillation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class AngularMargin(nn.Module):
    """Cross entropy of ``scale * cos(angle + margin)`` for the true class and ``scale * cos(angle)`` for the others."""

    def __init__(self, embedding: int, classes: int, margin: float, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, embedding) * 0.1)
        self.margin, self.scale = margin, scale

    def forward(self, embeddings: Tensor, classes: Tensor) -> Tensor:
        cosine = functional.linear(functional.normalize(embeddings), functional.normalize(self.weight))
        true = cosine.gather(1, classes[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        shifted = true * math.cos(self.margin) - (1 - true * true).sqrt() * math.sin(self.margin)
        # Beyond pi - margin the cosine would rise again: go on linearly instead.
        limit, penalty = -math.cos(self.margin), math.sin(self.margin) * self.margin
        shifted = torch.where(true > limit, shifted, true - penalty)
        logits = cosine.scatter(1, classes[:, None], shifted)
        return functional.cross_entropy(self.scale * logits, classes)


def embedding_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cosine."""
    return 1 - functional.cosine_similarity(student, teacher).mean()
