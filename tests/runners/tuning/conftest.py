from sweeping import _nursery as _nursery
from sweeping import quick as quick
