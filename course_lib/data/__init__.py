"""The images of the course: where they come from and how a network is fed with them.

`load_data` answers with a `Splits` of three `ImageSet`s; `make_loader` turns an `ImageSet` into batches;
`load_npy_dict` reads the older `.npy` dictionaries. Nothing here knows a model, a loss or a grade.
"""

from course_lib.data.load import load_data
from course_lib.data.npy import load_npy_dict
from course_lib.data.splits import ImageSet, Splits, make_loader

__all__ = ["ImageSet", "Splits", "load_data", "load_npy_dict", "make_loader"]
