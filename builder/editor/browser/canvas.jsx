// The canvas on which a flow is drawn; React Flow is heard only when a gesture is done.
import { ReactFlowProvider, useReactFlow, useStoreApi } from "@xyflow/react";
import { useCallback, useEffect, useRef } from "react";
import { add, join, lend, mayStand, nest, unlink } from "./actions.js";
import { Card } from "./card.jsx";
import { Controls } from "./controls.jsx";
import { get, set, useDesk, watch } from "./desk.js";
import { absolute, boxesOf, countedIn, inFrame } from "./frames.js";
import { snapped } from "./geometry.js";
import { Ground } from "./ground.jsx";
import { Announcer, Empty, Hint, HintBar } from "./hints.jsx";
import { useKeys } from "./keys.js";
import { LinkList } from "./linking.jsx";
import { MoveList } from "./moving.jsx";
import { placeOf, same } from "./nesting.js";
import { NoteCard } from "./note.jsx";
import { QuickAdd } from "./palette.jsx";
import { edit } from "./queue.js";
import { fit, intoSight, lasting } from "./sight.js";
import { LooseWire } from "./wire.jsx";
import { endsOf, isGround, mayJoin, offer, placeBelow, useWiring } from "./wiring.js";

const NODES = { step: Card, note: NoteCard };
const FOCUSABLE = "button, input, textarea, select, a, [role=listbox], .react-flow__node"; // the keys go elsewhere
const NOWHERE = { step: "", body: "" };
const DRAG = "application/x-canevas-kind";

const Surface = () => {
  const root = useRef(null);
  const flow = useReactFlow();
  const store = useStoreApi();
  const opened = useDesk((desk) => desk.flow);
  useLending(flow, store, root);
  const keys = useKeys(flow, store);
  const wiring = useWiring(flow, store);

  const grabbed = useCallback(() => set({ dragging: true }), []);
  const hovered = useCallback((event, node, nodes) => {
    const under = placeUnder(flow, event, nodes ?? node);
    const over = under?.why ? null : under;
    if (over?.step !== get().over?.step || over?.body !== get().over?.body) set({ over });
  }, [flow]);
  const moved = useCallback((event, node, nodes) => {
    const place = placeUnder(flow, event, nodes ?? node);
    set({ dragging: false, over: null, ...(place?.why ? { refusals: [...get().refusals, place.why] } : {}) });
    settle(flow, nodes ?? node, place?.why ? null : place);
  }, [flow]);
  const selected = useCallback(({ nodes, edges }) => {
    const steps = nodes.filter((node) => node.type === "step").map((node) => node.id);
    const notes = nodes.filter((node) => node.type === "note").map((node) => node.data.note.id);
    set({ selected: { steps, notes, wires: edges.map((edge) => edge.id) } });
  }, []);
  const dropped = (event) => {
    const kind = event.dataTransfer.getData(DRAG);
    if (!kind) return;
    event.preventDefault();
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    set({ over: null });
    add(kind, [x - 128, y - 28], null, placeBelow(flow, event));
  };
  const dragged = (event) => {
    if (!event.dataTransfer.types.includes(DRAG)) return;
    event.preventDefault();
    const over = placeBelow(flow, event);
    if (!same(over, get().over ?? NOWHERE)) set({ over });
  };
  const surface = {
    onPointerDownCapture: (event) => !event.target.closest(FOCUSABLE) && root.current.focus({ preventScroll: true }),
    onKeyDown: keys,
    ...wiring,
    onDoubleClick: (event) => isGround(event.target) && offer(flow, root.current, event),
    onDragOver: dragged,
    onDragLeave: (event) => !root.current.contains(event.relatedTarget) && set({ over: null }),
    onDrop: dropped,
  };
  const over = (
    <>
      <Controls flow={flow} />
      <Empty />
      <HintBar />
      <Hint root={root} />
      <LinkList />
      <MoveList />
      <QuickAdd />
      <Announcer />
    </>
  );
  return (
    <Ground
      root={root}
      nodes={NODES}
      place={opened}
      surface={surface}
      over={over}
      connectionLineComponent={LooseWire}
      isValidConnection={mayJoin}
      onConnect={(connection) => join(...endsOf(connection))}
      onNodeDragStart={grabbed}
      onNodeDrag={hovered}
      onNodeDragStop={moved}
      onSelectionDragStart={grabbed}
      onSelectionDrag={hovered}
      onSelectionDragStop={moved}
      onSelectionChange={selected}
      onPaneClick={unlink}
      onPaneContextMenu={(event) => {
        event.preventDefault(); // a right click, or a finger that stays
        offer(flow, root.current, event);
      }}
    />
  );
};

/** The place over which the pointer holds steps, and why they may not stand there; none when only notes are held. */
const placeUnder = (flow, event, nodes) => {
  const ids = nodes.filter(({ type }) => type === "step").map(({ id }) => id);
  const place = ids.length ? placeBelow(flow, event.changedTouches?.[0] ?? event, new Set(ids)) : null;
  return place && { ...place, why: mayStand(ids, place) };
};

/** What stands elsewhere after a drag becomes one edit. place: over which it was let go. */
const settle = (flow, nodes, place) => {
  const { model, collapsed } = get();
  const boxes = boxesOf(model, collapsed);
  const [there, into] = [{}, {}];
  const notes = [];
  for (const { id, type, data, position } of nodes) {
    if (type === "note") notes.push({ do: "set_note", note: data.note.id, at: [position.x, position.y] });
    else if (model.steps[id]) {
      const home = placeOf(model, id);
      const to = place ?? home;
      const { x, y } = flow.getInternalNode(id).internals.positionAbsolute;
      const at = snapped(countedIn(model, boxes, to, [x, y]));
      if (!same(to, home)) into[id] = at;
      else if (String(model.steps[id].at) !== String(at)) there[id] = at;
    }
  }
  const edits = [...(Object.keys(there).length ? [{ do: "move", steps: there }] : []), ...notes];
  if (Object.keys(into).length) nest(Object.keys(into), place, into, edits);
  else if (edits.length) edit(...edits);
  // What was let go beyond the edge of its room stands at the edge, although the flow has not changed.
  for (const { id, type, parentId } of nodes) if (type === "step" && parentId && !into[id]) flow.updateNode(id, { position: inFrame(get().model, boxesOf(get().model, collapsed), id) });
};

/** What actions may ask of the canvas. */
const useLending = (flow, store, root) =>
  useEffect(() => {
    const middle = () => {
      const { width, height } = root.current.getBoundingClientRect();
      const { left, top } = root.current.getBoundingClientRect();
      const { x, y } = flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
      return [x, y];
    };
    const select = (ids) => {
      const chosen = new Set(ids);
      flow.setNodes((nodes) => nodes.map((node) => (!!node.selected === chosen.has(node.id) ? node : { ...node, selected: chosen.has(node.id) })));
      flow.setEdges((edges) => edges.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)));
    };
    const focus = (id) => {
      const node = flow.getInternalNode(id);
      if (!node) return requestAnimationFrame(() => flow.getInternalNode(id) && focus(id));
      intoSight(flow, store, node);
      requestAnimationFrame(() => root.current?.querySelector(`.react-flow__node[data-id="${id}"]`)?.focus());
    };
    lend({ middle, select, focus, fit: () => requestAnimationFrame(() => fit(flow)) });
    return watch(
      (desk) => desk.reveal,
      (place) => {
        const { model, collapsed } = get();
        const [x, y] = place && model.steps[place.step] ? absolute(model, boxesOf(model, collapsed), place.step) : [];
        if (x !== undefined) flow.setCenter(x + 128, y + 60, { zoom: Math.max(flow.getZoom(), 0.8), duration: lasting(200) });
      },
    );
  }, [flow]);

export const Canvas = () => {
  const opened = useDesk((desk) => desk.flow);
  return <ReactFlowProvider key={opened}>{opened ? <Surface /> : <div className="surface waits" />}</ReactFlowProvider>;
};
