import os
import warnings

import numpy as np
import torch

torch.set_grad_enabled(False)
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
np.seterr(all="raise")
np.set_printoptions(precision=1)
warnings.simplefilter("error")
os.environ.clear()
os.chdir("/")
json = encode = inputs = cases = observe = display = id = type = None
