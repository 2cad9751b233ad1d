"""The buffer protocol of proxies, for C code that wants bytes: ``b"" + p``, ``file.write(p)``, ``numpy.array(p)``."""

from array import array

cimport cython
from cpython.buffer cimport PyObject_GetBuffer
from cpython.ref cimport Py_DECREF

from ._proxy cimport Proxy
from ._session cimport Shared


@cython.auto_pickle(False)
@cython.binding(False)
cdef class Buffered(Shared):
    """A second base of the proxies of bytearrays and arrays, without fields of its own."""

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        """A copy that cannot be written to: what was written to it would reach nobody."""
        state = (<Proxy>self).peek()
        kind = bytearray if isinstance(state, bytearray) else array
        copy = memoryview(kind.__getitem__(state, slice(None))).toreadonly()
        PyObject_GetBuffer(copy, buffer, flags)
        Py_DECREF(None)         # which Cython has put into ``buffer.obj``

    def __releasebuffer__(self, Py_buffer* buffer):
        """Never called, as ``buffer.obj`` is the copy; tells NumPy that the memory goes with the buffer."""
