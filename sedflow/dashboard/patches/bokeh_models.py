"""Patches of Bokeh in the server: a document looks for its models only when some have left it.

A page has some 1,400 models, and Bokeh looks through all of them, for 50 to 80 ms, whenever a value
that holds models is set, even to the same ones, and at the end of each freeze. A galaxy that was
picked took one to three such searches, and the first move of a slider two.
"""

from functools import wraps
from types import NoneType
from typing import Any
from weakref import WeakKeyDictionary

import bokeh.model.util as bokeh_util
from bokeh.core.has_props import HasProps
from bokeh.core.serialization import Serializer
from bokeh.document.models import DocumentModelManager
from bokeh.model import Model
from bokeh.protocol.messages.patch_doc import patch_doc
from bokeh.util.callback_manager import PropertyCallbackManager

_MISSING = object()
_SCALARS = (str, float, int, NoneType)  # and bool, which is an int
# What is known of a document's models since they were searched: the roots from which that was, and
# models that came while it was frozen. Nothing, where they are to be searched.
_KNOWN: WeakKeyDictionary[DocumentModelManager, tuple[list[str], set[Model]]] = WeakKeyDictionary()
_SHORT = 16_384  # bytes of a column that goes with its message
_PLAIN: set[tuple[type, str]] = set()  # properties of classes whose default holds no model


def patch() -> None:
    """Let documents search seldom, and sooner; `message_of` is what `outbox` writes messages by."""
    searched = DocumentModelManager.recompute
    if hasattr(searched, "seldom"):
        return

    @wraps(searched)
    def recompute(self):
        if not _is_there(self):
            return
        _KNOWN[self] = _roots(self), set()
        searched(self)

    def invalidate(self):
        _KNOWN.pop(self, None)
        if self._freeze_count == 0:
            self.recompute()

    def pop_freeze(self):
        self._freeze_count -= 1
        if self._freeze_count or not _is_there(self):
            return
        roots, came = _KNOWN.get(self, (None, set()))
        if roots != _roots(self):
            self.recompute()
        elif came:
            _attach(self, came)

    recompute.seldom = True  # type: ignore[attr-defined]
    DocumentModelManager.recompute = recompute  # type: ignore[method-assign]
    DocumentModelManager.invalidate = invalidate  # type: ignore[method-assign]
    DocumentModelManager._pop_freeze = pop_freeze  # type: ignore[method-assign]
    Model.trigger = _trigger  # type: ignore[method-assign]
    bokeh_util.visit_immediate_value_references = _visit_values


def _is_there(models):
    """Whether the document of models is there: what waits under a freeze may outlive its page."""
    return hasattr(models._document(), "_roots")  # which a document that is destroyed loses


def _roots(models):
    return [root.id for root in models._document().roots]


def _trigger(self, attr, old, new, hint=None, setter=None):
    if hint is None and self._document is not None:
        before, after = _models_in(old), _models_in(new)
        models, fresh = self.document.models, after - before
        if before - after or (fresh and models not in _KNOWN):
            models.invalidate()
        elif fresh:
            _, came = _KNOWN[models]
            came |= fresh
            if not models._freeze_count:
                _attach(models, came)
        if fresh and models._freeze_count:
            _dress(models, fresh)
    name = self.lookup(attr).name
    PropertyCallbackManager.trigger(self, name, old, new, hint=hint, setter=setter)


def _models_in(value):
    found: set[Model] = set()
    bokeh_util.visit_value_and_its_immediate_references(value, found.add)
    return found


def _dress(models, came):
    """Give models that wait for the end of a freeze their theme: they may be sent before."""
    theme = models._document().theme
    for model in bokeh_util.collect_filtered_models(lambda one: one.id in models, *came):
        theme.apply_to_model(model)


def _attach(models, came):
    """Take in models that came, and what they lead to."""
    document = models._document()
    for model in bokeh_util.collect_filtered_models(lambda one: one.id in models, *came):
        models[model.id] = model
        if model.name is not None:
            models.update_name(model, None, model.name)
        models._new_models.add(model)
        model._attach_document(document)
    came.clear()


def _visit_values(value, visitor):
    """Call `visitor` with each model that the properties of a model hold.

    Bokeh asks each property for its default where nothing was set, which takes two thirds of the
    time. Defaults that are made for each model are asked for as before.
    """
    visit = bokeh_util.visit_value_and_its_immediate_references
    if not isinstance(value, HasProps):
        visit(value, visitor)
        return
    kind, own, made = type(value), value._property_values, value._unstable_default_values
    themed = value.themed_values() or ()
    for name in kind.properties_with_refs():
        child = own.get(name, _MISSING)
        if child is _MISSING and name not in themed:
            if (kind, name) in _PLAIN:
                continue
            child = made.get(name, _MISSING)
        if child is _MISSING:
            child = getattr(value, name)
            if isinstance(child, _SCALARS) and not (name in made or name in themed):
                _PLAIN.add((kind, name))
        if not (isinstance(child, _SCALARS) or (isinstance(child, (list, dict)) and not child)):
            visit(child, visitor)


class _KnownModels(Serializer):
    """A serializer to which all models of a document are known that its page has.

    Bokeh writes down a reference to each of them for each message, and sends each column of data in
    two frames of its own, a hundred of them for a galaxy that is picked. Each frame waits for the
    one before it, while others have the loop. Short columns go with the message, in base64.
    """

    def __init__(self, models: DocumentModelManager):
        super().__init__()
        self._known = models

    def get_ref(self, obj):
        ref = super().get_ref(obj)
        if ref is None and isinstance(obj, Model):
            here = obj.id in self._known and obj not in self._known._new_models
            return obj.ref if here else None
        return ref

    def has_ref(self, obj):
        return self.get_ref(obj) is not None

    def _encode_bytes(self, obj):
        self._deferred = memoryview(obj).nbytes > _SHORT
        return super()._encode_bytes(obj)


def message_of(events) -> patch_doc:
    """The message that says what changed in a document, which is then known to its page."""
    [models] = {event.document.models for event in events}
    serializer = _KnownModels(models)
    content: Any = {"events": serializer.encode(events)}
    models.flush_synced(lambda model: not serializer.has_ref(model))
    message = patch_doc(patch_doc.create_header(), {}, content)
    message.add_buffers(*serializer.buffers)
    return message
