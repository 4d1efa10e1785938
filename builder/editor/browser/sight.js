// What of the flow is in sight.

const MARGIN = 40; // pixels between a node and the edge of the canvas

/** How long a movement of the view takes, in ms; none at all for whoever asked for stillness. */
export const lasting = (ms) => (window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : ms);

/** Show the whole flow. */
export const fit = (flow) => flow.fitView({ padding: 0.18, maxZoom: 1, duration: lasting(300) });

/** Pan just as far as it takes to see a whole node, as React Flow keeps it. */
export const intoSight = (flow, store, node) => {
  const { width, height, transform } = store.getState();
  const [x, y, zoom] = transform;
  const at = node.internals.positionAbsolute; // its own counts from the frame around it
  const left = at.x * zoom + x;
  const top = at.y * zoom + y;
  const dx = shift(left, (node.measured.width ?? 0) * zoom, width);
  const dy = shift(top, (node.measured.height ?? 0) * zoom, height);
  if (dx || dy) flow.setViewport({ x: x + dx, y: y + dy, zoom });
};

const shift = (start, length, room) => {
  if (start < MARGIN) return MARGIN - start;
  return Math.min(0, room - MARGIN - start - length);
};
