// The widget's face: wishes and events are messages to and from the kernel.

function render({ model, el }) {
  const listeners = new Map();
  const hear = (message) => {
    const tell = listeners.get(message.id);
    if (!tell) return;
    if (!["began", "frame"].includes(message.event.kind)) listeners.delete(message.id);
    tell(message.event);
  };
  model.on("msg:custom", hear);
  const close = studio(el, model.get("about"), (wish, tell) => {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    listeners.set(id, tell);
    model.send({ id, wish });
    return () => {
      if (listeners.delete(id)) model.send({ id, cancel: true });
    };
  });
  return () => {
    close();
    model.off("msg:custom", hear);
  };
}

export default { render };
