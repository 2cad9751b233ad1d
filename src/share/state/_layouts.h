/* What only CPython's own headers tell: attributes that have no dict yet, and places in a dict.
 *
 * On 3.11 and 3.12 attributes are read half as fast once an instance's __dict__ has been made, so it is left alone. */
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
/* What the public headers define otherwise for others than the core. */
#undef _PyObject_LookupSpecial
#undef _PyGC_FINALIZED
#undef HAVE_STD_ATOMIC
#include "internal/pycore_dict.h"
#include "internal/pycore_object.h"

/* The next attribute of an instance: 1 one, 0 the end, -1 ask its __dict__. What it gives is borrowed. */
static int share_next_attribute(PyObject *object, Py_ssize_t *at, PyObject **name, PyObject **value)
{
    PyTypeObject *cls = Py_TYPE(object);
    PyDictKeysObject *keys;
    PyDictValues *values;
    if (!(cls->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return -1;
    keys = ((PyHeapTypeObject *)cls)->ht_cached_keys;
#if PY_VERSION_HEX < 0x030c0000
    if (!(cls->tp_flags & Py_TPFLAGS_MANAGED_DICT) || keys == NULL)
        return -1;
    values = *_PyObject_ValuesPointer(object);
    if (values == NULL)
        return *_PyObject_ManagedDictPointer(object) ? -1 : 0;
#elif PY_VERSION_HEX < 0x030d0000
    if (!(cls->tp_flags & Py_TPFLAGS_MANAGED_DICT) || keys == NULL)
        return -1;
    PyDictOrValues either = *_PyObject_DictOrValuesPointer(object);
    if (!_PyDictOrValues_IsValues(either))
        return _PyDictOrValues_GetDict(either) ? -1 : 0;
    values = _PyDictOrValues_GetValues(either);
#else
    if (!(cls->tp_flags & Py_TPFLAGS_INLINE_VALUES) || keys == NULL)
        return -1;
    values = _PyObject_InlineValues(object);
    if (!values->valid)
        return -1;
#endif
    PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
    /* The order in which they were set is kept beside the values: one byte each, the latest last. */
#if PY_VERSION_HEX < 0x030d0000
    uint8_t *order = ((uint8_t *)values) - 2;
    Py_ssize_t count = order[0];
#define SHARE_ORDER(i) order[-1 - (i)]
#else
    Py_ssize_t count = values->size;
    uint8_t *order = get_insertion_order_array(values);
#define SHARE_ORDER(i) order[i]
#endif
    while (*at < count) {
        Py_ssize_t index = SHARE_ORDER(*at);
        ++*at;
        if (values->values[index]) {
            *name = entries[index].me_key;
            *value = values->values[index];
            return 1;
        }
    }
    return 0;
}

static int share_is_key(PyObject *own, PyObject *key)
{
    if (own == key)
        return 1;
    Py_INCREF(own);
    int result = PyObject_RichCompareBool(own, key, Py_EQ);
    Py_DECREF(own);
    if (result < 0)
        PyErr_Clear();
    return result > 0;
}

/* The same where several have its hash. */
static PyObject *share_asked_member(PySetObject *set, PyObject *key, Py_hash_t hash)
{
    size_t mask = (size_t)set->mask, perturb = (size_t)hash, i = (size_t)hash & mask;
    setentry *table = set->table;
    for (size_t tries = 0; tries <= mask + 64; tries++) {
        size_t last = i + 9 <= mask ? i + 9 : i;
        for (size_t at = i; at <= last; at++) {
            PyObject *own = table[at].key;
            if (own == NULL)
                return NULL;
            if (table[at].hash == hash && share_is_key(own, key))
                return set->table == table && table[at].key == own ? own : NULL;
            if (set->table != table)
                return NULL;
        }
        perturb >>= 5;
        i = (i * 5 + 1 + perturb) & mask;
    }
    return NULL;
}

/* The member of a set that equals a key, which it has, borrowed; NULL: look for it otherwise. Its __eq__ has been asked
 * before: only if another one has the same hash it is asked again. */
static PyObject *share_set_member(PyObject *object, PyObject *key, Py_hash_t hash)
{
    PySetObject *set = (PySetObject *)object;
    size_t mask = (size_t)set->mask, perturb = (size_t)hash, i = (size_t)hash & mask;
    setentry *table = set->table;
    PyObject *only = NULL, *own;
    for (size_t tries = 0; tries <= mask + 64; tries++) {
        size_t last = i + 9 <= mask ? i + 9 : i;
        for (size_t at = i; at <= last; at++) {
            own = table[at].key;
            if (own == NULL)
                return only;
            if (own == key)
                return own;
            if (table[at].hash == hash) {
                if (only != NULL)
                    return share_asked_member(set, key, hash);
                only = own;
            }
        }
        perturb >>= 5;
        i = (i * 5 + 1 + perturb) & mask;
    }
    return only;
}

static Py_ssize_t share_dict_place(PyObject *object, PyObject *key, Py_hash_t hash, PyObject *value);

/* As Objects/odictobject.c has it, on all versions that we know; what they say is tried out at import. */
typedef struct share_odict_node {
    PyObject *key;
    Py_hash_t hash;
    struct share_odict_node *next, *prev;
} share_odict_node;

typedef struct {
    PyDictObject dict;
    share_odict_node *first, *last;
    share_odict_node **nodes;
    Py_ssize_t size;
    void *keys;
} share_odict;

/* The key behind one of an OrderedDict: 1, and it or NULL for the last; 0: not known. */
static int share_odict_behind(PyObject *object, PyObject *key, Py_hash_t hash, PyObject *value, PyObject **behind)
{
    share_odict *od = (share_odict *)object;
    Py_ssize_t place = share_dict_place(object, key, hash, value);
    if (place < 0 || od->keys != (void *)od->dict.ma_keys || place >= od->size || od->nodes == NULL)
        return 0;
    share_odict_node *node = od->nodes[place];
    if (node == NULL || node->key != key)
        return 0;
    *behind = node->next ? node->next->key : NULL;
    return 1;
}

/* The place of the key that is stored with this very value, for PyDict_Next; -1: not found. That it is there has been
 * found out before: only if another key has the same hash and value its __eq__ is asked again. */
static Py_ssize_t share_dict_place(PyObject *object, PyObject *key, Py_hash_t hash, PyObject *value)
{
    PyDictObject *dict = (PyDictObject *)object;
    PyDictKeysObject *keys = dict->ma_keys;
    if (dict->ma_values != NULL)
        return -1;                      /* the attributes of an instance: few */
    size_t mask = ((size_t)1 << keys->dk_log2_size) - 1;
    int width = keys->dk_log2_index_bytes - keys->dk_log2_size;      /* log2 of the bytes of an index */
    Py_ssize_t only = -1;
    for (int asks = 0; asks < 2; asks++) {
        size_t perturb = (size_t)hash, i = (size_t)hash & mask;
        for (size_t tries = 0; tries <= mask + 64; tries++) {
            Py_ssize_t place = width == 0   ? ((int8_t *)keys->dk_indices)[i]
                               : width == 1 ? ((int16_t *)keys->dk_indices)[i]
                               : width == 2 ? ((int32_t *)keys->dk_indices)[i]
                                            : (Py_ssize_t)((int64_t *)keys->dk_indices)[i];
            if (place == -1) {
                if (asks)
                    return -1;
                return only;
            }
            if (place >= 0) {
                if (keys->dk_kind == DICT_KEYS_GENERAL) {
                    PyDictKeyEntry *entry = &DK_ENTRIES(keys)[place];
                    if (entry->me_key == key)
                        return place;
                    if (entry->me_hash == hash && entry->me_value == value) {
                        if (asks && share_is_key(entry->me_key, key))
                            return dict->ma_keys == keys ? place : -1;
                        if (dict->ma_keys != keys)
                            return -1;
                        if (!asks && only >= 0)
                            break;      /* the second: ask */
                        only = place;
                    }
                } else {
                    PyDictUnicodeEntry *entry = &DK_UNICODE_ENTRIES(keys)[place];
                    if (entry->me_key == key || (entry->me_value == value && share_is_key(entry->me_key, key)))
                        return dict->ma_keys == keys ? place : -1;
                }
            }
            perturb >>= 5;
            i = (i * 5 + perturb + 1) & mask;
        }
    }
    return -1;
}
