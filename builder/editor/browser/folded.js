// Which frames of a flow this browser draws as cards.

const keyOf = (flow) => `canevas.folded.${flow}`;

/** The frames that were closed when the flow was looked at last, {id: true}. */
export const remembered = (flow) => {
  try {
    return Object.fromEntries(JSON.parse(localStorage.getItem(keyOf(flow)) ?? "[]").map((id) => [id, true]));
  } catch {
    return {}; // nothing to remember it in, or somebody else wrote there
  }
};

export const remember = (flow, collapsed) => {
  const ids = Object.keys(collapsed);
  try {
    if (ids.length) localStorage.setItem(keyOf(flow), JSON.stringify(ids));
    else localStorage.removeItem(keyOf(flow));
  } catch {
    // Then all frames are open next time.
  }
};
