// How large frames are and where their rooms lie: from what stands in them, the innermost first; pure.
import { heightOf, WIDTH } from "./geometry.js";
import { bodiesOf, placeOf, ROOT, stepsIn } from "./nesting.js";
import sizes from "./sizes.json";

const { row: ROW, inset: INSET, caption: CAPTION, gutter: GUTTER, pad: PAD, roomWidth: ROOM_WIDTH, roomHeight: ROOM_HEIGHT } = sizes;

export const captionHeight = CAPTION;

const made = new WeakMap();

/**
 * The boxes of all frames by id: {width, height, rooms: [{name, x, y, width, height, origin}]}. origin: the corner in
 * the frame from which the steps of a room count. collapsed: the ids of frames drawn as cards, {id: true}.
 */
export const boxesOf = (model, collapsed = NONE) => {
  const known = made.get(model.steps);
  if (known?.collapsed === collapsed) return known.boxes;
  const boxes = {};
  const visit = (id) => {
    const step = model.steps[id];
    const bodies = bodiesOf(step);
    if (!bodies.length || boxes[id]) return;
    boxes[id] = { width: WIDTH, height: heightOf(step), rooms: [] }; // a circle in a broken file ends here
    for (const { name } of bodies) for (const each of stepsIn(model, { step: id, body: name })) visit(each);
    if (!collapsed[id]) boxes[id] = boxOf(model, boxes, step);
  };
  for (const id of model.order) if (model.steps[id]) visit(id);
  made.set(model.steps, { collapsed, boxes });
  return boxes;
};

const NONE = {};

const boxOf = (model, boxes, step) => {
  const contents = bodiesOf(step).map((body) => contentOf(model, boxes, step, body));
  const width = Math.max(WIDTH, ...contents.map((content) => content.width + 2 * INSET));
  let y = heightOf(step);
  const rooms = contents.map(({ name, left, height }) => {
    const room = { name, x: INSET, y, width: width - 2 * INSET, height, origin: [INSET + left, y + CAPTION] };
    y += height + INSET;
    return room;
  });
  return { width, height: y, rooms };
};

const contentOf = (model, boxes, step, { name, gives = [], takes = [] }) => {
  const inside = stepsIn(model, { step: step.id, body: name }).map((id) => model.steps[id]);
  const reach = (side, least) => Math.max(least, ...inside.map((each) => each.at[side] + sizeOf(boxes, each)[side]));
  const left = gives.length ? GUTTER : PAD;
  const right = takes.length ? GUTTER : PAD;
  const ports = Math.max(gives.length, takes.length) * ROW;
  return { name, left, width: left + reach(0, ROOM_WIDTH) + right, height: CAPTION + Math.max(reach(1, ROOM_HEIGHT), ports) + PAD };
};

/** [width, height] of a card or frame. */
export const sizeOf = (boxes, step) => {
  const box = boxes[step.id];
  return box ? [box.width, box.height] : [WIDTH, heightOf(step)];
};

const roomOf = (boxes, { step, body }) => boxes[step]?.rooms.find(({ name }) => name === body);

/** Where the steps of a place count from, on the canvas. */
export const cornerOf = (model, boxes, place) => {
  if (!place.step) return [0, 0];
  const [x, y] = absolute(model, boxes, place.step);
  const [right, down] = roomOf(boxes, place)?.origin ?? [0, 0];
  return [x + right, y + down];
};

/** Where a step stands on the canvas. */
export const absolute = (model, boxes, id) => {
  const [x, y] = cornerOf(model, boxes, placeOf(model, id));
  const { at } = model.steps[id];
  return [x + at[0], y + at[1]];
};

/** Where a step stands in its frame, as React Flow wants it. */
export const inFrame = (model, boxes, id) => {
  const place = placeOf(model, id);
  const [x, y] = (place.step && roomOf(boxes, place)?.origin) || [0, 0];
  const { at } = model.steps[id];
  return { x: x + at[0], y: y + at[1] };
};

/** The innermost place under a point of the canvas. except: ids of frames that do not count, such as those dragged. */
export const placeAt = (model, boxes, [x, y], except = new Set()) => {
  const below = (id) => {
    if (except.has(id) || !boxes[id]) return null;
    const [left, top] = absolute(model, boxes, id);
    for (const room of boxes[id].rooms) {
      const [rx, ry] = [left + room.x, top + room.y];
      if (x < rx || x > rx + room.width || y < ry || y > ry + room.height) continue;
      const place = { step: id, body: room.name };
      return deepest(stepsIn(model, place)) ?? place;
    }
    return null;
  };
  const deepest = (ids) => {
    for (const id of ids.toReversed()) {
      const found = below(id);
      if (found) return found;
    }
    return null;
  };
  return deepest(stepsIn(model, ROOT)) ?? ROOT;
};

/** A point of the canvas as steps of a place count it; never outside of a room. */
export const countedIn = (model, boxes, place, [x, y]) => {
  const [left, top] = cornerOf(model, boxes, place);
  return place.step ? [Math.max(0, x - left), Math.max(0, y - top)] : [x, y];
};

/** The outermost frame that is drawn as a card with this step in it, or the step itself. */
export const shownAs = (model, collapsed, id) => {
  let shown = id;
  for (let at = placeOf(model, id).step; at; at = placeOf(model, at).step) if (collapsed[at]) shown = at;
  return shown;
};
