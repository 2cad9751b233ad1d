# What executes something when it is decoded: verified by its checksum first.
from share.cerial._reader cimport Reader

cdef object get_class(Reader* r)
cdef object get_local_class(Reader* r)
cdef object get_pickle(Reader* r, bint with_buffers)
