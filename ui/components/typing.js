// Whether a key goes into a text: what is typed there is no command.
const isTyping = (event) =>
  event.composedPath().some((node) => node.matches?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]"));

