// Drawing wires with a pointer: from port to port, onto a step as a whole, or over nothing.
import { XYHandle } from "@xyflow/system";
import { useRef } from "react";
import { join, link, placeForEnd, unlink } from "./actions.js";
import { get, set } from "./desk.js";
import { boxesOf, placeAt } from "./frames.js";
import { handleId, portOfHandle } from "./geometry.js";
import { landing } from "./landing.js";
import { refusal } from "./wires.js";

/** The end that a port in the page stands for. */
const endOf = (port) => ({
  step: port.dataset.nodeid,
  ...portOfHandle(port.dataset.handleid),
  type: port.classList.contains("source") ? "source" : "target",
  kind: port.dataset.kind,
});

/** The port under a pointer: a wire that begins at a port on the inside of a frame lies over it. */
export const portUnder = (event) => {
  const port = event.target.closest?.(".port");
  if (port || !event.target.closest?.(".react-flow__edge")) return port;
  const { clientX, clientY } = event.touches?.[0] ?? event;
  return document.elementsFromPoint(clientX, clientY).find((element) => element.classList.contains("port"));
};

/** Both ends of a connection of React Flow. */
export const endsOf = ({ source, sourceHandle, target, targetHandle }) => [
  { step: source, ...portOfHandle(sourceHandle), type: "source" },
  { step: target, ...portOfHandle(targetHandle), type: "target" },
];

export const mayJoin = (connection) => {
  const [from, to] = endsOf(connection);
  return !refusal(get().model, get().catalog.accepts, from, to);
};

/** The step of whose card something is a part, and no port of it, nor the ground of a room. */
export const cardBelow = (element) =>
  element?.closest(".port, .room") ? undefined : element?.closest(".react-flow__node-step")?.dataset.id;

/** Whether something is the ground on which steps stand: the canvas itself, or a room. */
export const isGround = (element) => Boolean(element?.classList.contains("react-flow__pane") || (element?.closest(".room") && !element.closest(".port, button")));

/** The place under a point of the page. */
export const placeBelow = (flow, { clientX, clientY }, except) => {
  const { model, collapsed } = get();
  const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
  return placeAt(model, boxesOf(model, collapsed), [x, y], except);
};

/** Offer the kinds of nodes at a place on the canvas. */
export const offer = (flow, root, point, end = null) => {
  const { clientX, clientY } = point;
  const { left, top } = root.getBoundingClientRect();
  const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
  const place = placeForEnd(end, placeBelow(flow, point));
  set({ adding: { x: clientX - left, y: clientY - top, at: end?.type === "target" ? [x - 256, y - 28] : [x, y - 28], end, place } });
};

/** Let a loose end go over a step as a whole. */
const land = (end, step) => {
  const { model, catalog } = get();
  const found = landing(model, catalog, end, step);
  if (found.end) join(end, found.end);
};

/**
 * React Flow gives every handle two subscriptions to each pointer move; with thousands of ports that is most of a
 * frame, so ports are plain elements and the surface hands their presses on.
 */
export const useWiring = (flow, store) => {
  const dragged = useRef(false);
  const press = (event) => {
    const port = portUnder(event);
    if (!port || event.button > 0) return;
    const state = store.getState();
    const end = endOf(port);
    const { domNode, nodeLookup, connectionMode, lib, rfId, panBy, cancelConnection, updateConnection } = state;
    dragged.current = false;
    XYHandle.onPointerDown(event.nativeEvent, {
      handleDomNode: port,
      isTarget: end.type === "target",
      handleId: handleId(end),
      nodeId: end.step,
      flowId: rfId,
      connectionRadius: 20,
      autoPanOnConnect: true,
      autoPanSpeed: state.autoPanSpeed,
      dragThreshold: 4,
      isValidConnection: mayJoin,
      onConnectStart: () => {
        dragged.current = true;
        link(end, "held");
      },
      onConnectEnd: (up, { toHandle, isValid }) => {
        unlink();
        const point = up.changedTouches?.[0] ?? up;
        const below = document.elementFromPoint(point.clientX, point.clientY);
        const step = cardBelow(below);
        if (step) land(end, step);
        else if (toHandle && isValid) join(end, { step: toHandle.nodeId, ...portOfHandle(toHandle.id), type: toHandle.type });
        else if (!toHandle && isGround(below)) offer(flow, domNode, point, end);
      },
      getTransform: () => store.getState().transform,
      getFromHandle: () => store.getState().connection.fromHandle,
      ...{ domNode, nodeLookup, connectionMode, lib, panBy, cancelConnection, updateConnection },
    });
  };
  const click = (event) => {
    const port = portUnder(event);
    const { linking, model, catalog } = get();
    if (dragged.current) return;
    if (!port) return linking && linking.how !== "list" && cardBelow(event.target) && land(linking, cardBelow(event.target));
    const end = endOf(port);
    if (!linking || linking.type === end.type) return link(end);
    const [from, to] = linking.type === "source" ? [linking, end] : [end, linking];
    if (!refusal(model, catalog.accepts, from, to)) join(linking, end);
  };
  return { onMouseDown: press, onTouchStart: press, onClick: click };
};
