"""scikit-learn and joblib: progress of fits in other processes, counted through copies of an estimator's parameter."""

import sys

from joblib import Parallel, delayed
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from share import Share


class Progress:
    def __init__(self):
        self.fits = 0

    def tick(self):
        self.fits += 1


class Watched(LogisticRegression):
    def __init__(self, progress=None):
        super().__init__()
        self.progress = progress

    def fit(self, x, y):
        self.progress.tick()
        return super().fit(x, y)


def work(progress, count):
    for _ in range(count):
        progress.tick()


if __name__ == "__main__":
    with Share() as shared:
        shared.progress = Progress()
        Parallel(n_jobs=2, backend="loky")(delayed(work)(shared.progress, 250) for _ in range(4))
        print(shared.progress.fits)
        x, y = make_classification(60, 4, random_state=0)
        cross_val_score(Watched(shared.progress), x, y, cv=5, n_jobs=2)
        print(shared.progress.fits)
    sys.exit(0)
