"""Nodes whose changes cannot be seen while they happen: each is compared with what it held before, itself alone."""

import collections

cimport cython

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint64_t

from share.state cimport _nodes
from share.state cimport _operations as operations
from share.state._arrays cimport content_of_array
from share.state._instances cimport attributes_of, cell_for_setting
from share.state._nodes cimport TOP, Cell, Node, append, begin, find, inverse, number, object_of
from share.state._record cimport kind_of_node, put_operand
from share.state._shapes cimport Shape

_nodes.here = _nodes.registry()


# What stands for an object that was stored only in a node that is compared, and was freed before that was.
lost = object()
cdef tuple DICTS = (_nodes.DICT, _nodes.ORDERED, _nodes.DEFAULT, _nodes.COUNTER)


cdef inline PyObject* owned(object value) noexcept:
    Py_INCREF(value)
    return <PyObject*>value


cdef enum:
    DEPTH = 50                  # of tuples in tuples; what is deeper is referred to


@cython.binding(False)
@cython.final
cdef class Reference:
    """Stands for a node in what another one held: a reference would keep cycles alive for ever."""

    cdef uint64_t id


@cython.binding(False)
@cython.final
cdef class Parts:
    """The same for a tuple in which there are nodes."""

    cdef list notes
    cdef object cls


cdef object noted(object value, int depth=DEPTH):
    cdef Node* node
    cdef Reference reference
    cdef Parts parts
    if isinstance(value, tuple):
        if depth == 0:
            return value
        notes = [noted(part, depth - 1) for part in tuple.__iter__(value)]
        for note, part in zip(notes, tuple.__iter__(value)):
            if note is not part:
                parts = Parts.__new__(Parts)
                parts.notes = notes
                parts.cls = type(value)
                return parts
        return value
    node = find(<PyObject*>value)
    if node == NULL:
        return value
    reference = Reference.__new__(Reference)
    reference.id = node.id & _nodes.ID
    return reference


cdef bint is_noted(object note, object value) except -1:
    cdef Node* node
    if type(note) is Reference:
        node = find(<PyObject*>value)
        return node != NULL and node.id & _nodes.ID == (<Reference>note).id
    if type(note) is Parts:
        if type(value) is not (<Parts>note).cls or len(value) != len((<Parts>note).notes):
            return False
        for part_note, part in zip((<Parts>note).notes, tuple.__iter__(value)):
            if not is_noted(part_note, part):
                return False
        return True
    return note is value


cdef object recalled(object note):
    cdef PyObject* found
    if type(note) is Reference:
        found = object_of((<Reference>note).id)
        if found == NULL:
            return lost
        return <object>found
    if type(note) is Parts:
        parts = [recalled(part) for part in (<Parts>note).notes]
        for part in parts:
            if part is lost:
                return lost
        return tuple.__new__((<Parts>note).cls, parts)
    return note


cdef tuple shadow_of(object node, Shape shape):
    cdef int kind = kind_of_node(shape)
    content = content_of(node, kind & ~_nodes.CLASSED)
    if type(content) is list:
        if kind & ~_nodes.CLASSED in DICTS:
            content = [(noted(key), noted(value)) for key, value in content]
        else:
            content = [noted(item) for item in content]
    if not kind & _nodes.CLASSED:
        return content, None
    return content, [(name, noted(value)) for name, value in attributes_of(node, shape)]


cdef object content_of(object node, int kind):
    if kind == _nodes.LIST:
        return list.__getitem__(node, slice(None))
    if kind == _nodes.SET:
        return list(set.__iter__(node))
    if kind == _nodes.DEQUE:
        return list(collections.deque.__iter__(node))
    if kind == _nodes.BYTEARRAY:
        return bytes(node)
    if kind == _nodes.ARRAY:
        return content_of_array(node)
    if kind == _nodes.ORDERED:
        return list(collections.OrderedDict.items(node))
    if kind == _nodes.INSTANCE:
        return None
    return list(dict.items(node))


cdef bint is_same(object before, object after, bint is_dict) except -1:
    if type(before) is bytes or before is None:
        return before == after
    if len(before) != len(after):
        return False
    for old, new in zip(before, after):
        if is_dict:
            if not is_noted(old[0], new[0]) or not is_noted(old[1], new[1]):
                return False
        elif not is_noted(old, new):
            return False
    return True


cdef int compare(object node, Shape shape, tuple shadow) except -1:
    cdef uint64_t id = find(<PyObject*>node).id
    cdef Cell* cell = _nodes.here.cells[find(<PyObject*>node).cell]
    cdef int kind = kind_of_node(shape) & ~_nodes.CLASSED
    before, attributes_before = shadow
    after = content_of(node, kind)
    if not is_same(before, after, kind in DICTS):
        if kind in DICTS:
            before = [(recalled(key), recalled(value)) for key, value in before]
        elif type(before) is list:
            before = [recalled(item) for item in before]
        note_content(node, cell, id, kind, before, after)
    if attributes_before is not None:
        after = attributes_of(node, shape)
        if not is_same(attributes_before, after, True):
            before = [(name, recalled(value)) for name, value in attributes_before]
            note_attributes(node, cell, id, shape, before, after)
    return 0


cdef int note_content(object node, Cell* cell, uint64_t id, int kind, object before, object after) except -1:
    cdef int operation
    if kind == _nodes.BYTEARRAY or kind == _nodes.ARRAY:
        put_splice(cell, id, len(before), after)
        return inverse(operations.BYTES_SPLICE, <PyObject*>node, 0, owned(before), owned(len(after)))
    operation = put_assign(cell, id, kind, after)
    return inverse(operation, <PyObject*>node, 0, owned(before), NULL)


cdef int put_splice(Cell* cell, uint64_t id, Py_ssize_t removed, bytes content) except -1:
    begin(cell, operations.BYTES_SPLICE, id)
    number(&cell.records, 0)
    number(&cell.records, removed)
    number(&cell.records, len(content))
    return append(&cell.records, content, len(content))


cdef int put_assign(Cell* cell, uint64_t id, int kind, list after) except -1:
    """Returns the operation."""
    cdef int operation
    if kind == _nodes.LIST:
        operation = operations.LIST_ASSIGN
    elif kind == _nodes.SET:
        operation = operations.SET_ASSIGN
    elif kind == _nodes.DEQUE:
        operation = operations.DEQUE_ASSIGN
    else:
        operation = operations.DICT_ASSIGN
    begin(cell, operation, id)
    number(&cell.records, len(after))
    for item in after:
        if operation == operations.DICT_ASSIGN:
            put_operand(cell, <PyObject*>item[0])
            item = item[1]
        put_operand(cell, <PyObject*>item)
    return operation


cdef int note_whole(object node, Shape shape, object copy) except -1:
    cdef uint64_t id = find(<PyObject*>node).id
    cdef Cell* cell = _nodes.here.cells[find(<PyObject*>node).cell]
    cdef Cell* target
    cdef int kind = kind_of_node(shape)
    content = content_of(node, kind & ~_nodes.CLASSED)
    if type(content) is list:
        put_assign(cell, id, kind & ~_nodes.CLASSED, content)
    elif type(content) is bytes:
        put_splice(cell, id, len(content_of(copy, kind & ~_nodes.CLASSED)), content)
    if not kind & _nodes.CLASSED:
        return 0
    attributes = attributes_of(node, shape)
    if not id & TOP:
        begin(cell, operations.ATTRIBUTES_ASSIGN, id)
        number(&cell.records, shape.number)
        number(&cell.records, len(attributes))
        for name, value in attributes:
            put_operand(cell, <PyObject*>name)
            put_operand(cell, <PyObject*>value)
        return 0
    for name, value in attributes:
        target = cell_for_setting(cell, id, name)
        begin(target, operations.ATTRIBUTE_SET, id)
        put_operand(target, <PyObject*>name)
        put_operand(target, <PyObject*>value)
    return 0


cdef bint is_published(object node, Shape shape, object copy, dict ids) except -1:
    cdef int kind = kind_of_node(shape)
    cdef int built_in = kind & ~_nodes.CLASSED
    mine, copied = content_of(node, built_in), content_of(copy, built_in)
    if built_in == _nodes.SET:
        mine = sorted([sortable(member, None) for member in mine])
        copied = sorted([sortable(member, ids) for member in copied])
        if mine != copied:
            return False
    elif type(mine) is list:
        if len(mine) != len(copied):
            return False
        for own, other in zip(mine, copied):
            if built_in in DICTS:
                if not is_copy(own[0], other[0], ids) or not is_copy(own[1], other[1], ids):
                    return False
            elif not is_copy(own, other, ids):
                return False
    elif mine != copied:
        return False
    if not kind & _nodes.CLASSED:
        return True
    mine, copied = dict(attributes_of(node, shape)), dict(attributes_of(copy, shape))
    if mine.keys() != copied.keys():
        return False
    for name, own in mine.items():
        if not is_copy(own, copied[name], ids):
            return False
    return True


cdef object sortable(object member, dict ids):
    """What tells members of a set from each other, the same on both sides."""
    if isinstance(member, tuple):
        return f"({','.join([sortable(part, ids) for part in tuple.__iter__(member)])})"
    if ids is None:
        if find(<PyObject*>member) != NULL:
            return f"node {find(<PyObject*>member).id & _nodes.ID}"
    elif <size_t><PyObject*>member in ids:
        return f"node {ids[<size_t><PyObject*>member]}"
    if isinstance(member, frozenset):
        return f"frozenset {sorted([sortable(part, ids) for part in member])}"
    return f"{type(member).__name__} {member!r}"


cdef bint is_copy(object own, object copied, dict ids) except -1:
    cdef Node* node = find(<PyObject*>own)
    if node != NULL:
        return ids.get(<size_t><PyObject*>copied) == node.id & _nodes.ID
    if type(own) is not type(copied):
        return False
    if isinstance(own, tuple):
        if len(own) != len(copied):
            return False
        for part, other in zip(tuple.__iter__(own), tuple.__iter__(copied)):
            if not is_copy(part, other, ids):
                return False
        return True
    if own is copied or type(own) is frozenset:
        return own is copied or sortable(own, None) == sortable(copied, ids)
    return bool(own == copied) or own != own and copied != copied


cdef int note_attributes(object node, Cell* cell, uint64_t id, Shape shape, list before, list after) except -1:
    cdef dict old = dict(before), new = dict(after)
    cdef Cell* target
    kept = [name for name, _ in before if name in new]
    if not id & TOP and kept != [name for name, _ in after[: len(kept)]]:
        # Deleted and set again: their order is another one.
        begin(cell, operations.ATTRIBUTES_ASSIGN, id)
        number(&cell.records, shape.number)
        number(&cell.records, len(after))
        for name, value in after:
            put_operand(cell, <PyObject*>name)
            put_operand(cell, <PyObject*>value)
    else:
        for name, _ in before:
            if name not in new:
                target = cell_for_setting(cell, id, name) if id & TOP else cell
                begin(target, operations.ATTRIBUTE_DELETE, id)
                put_operand(target, <PyObject*>name)
        for name, value in after:
            if name not in old or old[name] is not value:
                target = cell_for_setting(cell, id, name) if id & TOP else cell
                begin(target, operations.ATTRIBUTE_SET, id)
                put_operand(target, <PyObject*>name)
                put_operand(target, <PyObject*>value)
    was = (type(node), before)
    return inverse(operations.ATTRIBUTES_ASSIGN, <PyObject*>node, 0, owned(was), NULL)
