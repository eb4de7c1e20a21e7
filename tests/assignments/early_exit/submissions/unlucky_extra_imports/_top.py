from collections import Counter, defaultdict
from functools import reduce
from itertools import zip_longest

import matplotlib.pyplot as plt
import torchvision
