// Bringing a node into sight.

const MARGIN = 40; // pixels between a node and the edge of the canvas

/** Pan just as far as it takes to see a whole node. */
export const intoSight = (flow, store, node) => {
  const { width, height, transform } = store.getState();
  const [x, y, zoom] = transform;
  const left = node.position.x * zoom + x;
  const top = node.position.y * zoom + y;
  const dx = shift(left, (node.measured.width ?? 0) * zoom, width);
  const dy = shift(top, (node.measured.height ?? 0) * zoom, height);
  if (dx || dy) flow.setViewport({ x: x + dx, y: y + dy, zoom });
};

const shift = (start, length, room) => {
  if (start < MARGIN) return MARGIN - start;
  return Math.min(0, room - MARGIN - start - length);
};
