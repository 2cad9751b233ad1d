import os
import sys

sys.path.insert(0, os.path.dirname(__file__))  # arena, matrix, points and victims are modules of this suite
