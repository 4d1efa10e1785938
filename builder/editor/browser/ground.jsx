// The ground of every canvas, drawn on or only looked at: React Flow with its own state, fed by the model of its desk.
import { Background, BackgroundVariant, getViewportForBounds, ReactFlow, useReactFlow, useStoreApi } from "@xyflow/react";
import { useContext, useEffect, useMemo } from "react";
import { Map } from "./controls.jsx";
import { DeskContext, useDesk } from "./desk.js";
import { edgesOf, fewReferences, nodesOf } from "./surface.js";
import { Wire } from "./wire.jsx";
import { useWords } from "./words.js";

const EDGES = { wire: Wire };
// Below these zooms a card shows only its title, only its icon, only its colour: what cannot be read is dear to paint.
const LEVELS = { far: 0.45, tiny: 0.28, speck: 0.16 };
const SPECKS = 150; // steps from which the last of these pays
const LEAST = { drawn: 0.6, looked: 0.4 }; // a flow that only fits when it is smaller is shown from its beginning
const READABLE = 0.85;
const MANY = 60; // steps from which only those in sight are in the page
const GRID = [8, 8];
// React Flow's own instructions are for keys that it does not get here, and only English.
const UNSAID = { "node.a11yDescription.default": "", "edge.a11yDescription.default": "" };
const STEADY = { minZoom: 0.08, maxZoom: 2, snapToGrid: true, snapGrid: GRID, deleteKeyCode: null, disableKeyboardA11y: true, ariaLabelConfig: UNSAID };

/**
 * root: a ref to the element around everything. nodes: the components of steps and notes. place: under which name the
 * view is remembered, none when it is not. surface: what the element around gets. over: what lies on the canvas; all
 * else goes to React Flow.
 */
export const Ground = ({ root, nodes, place = "", surface = {}, over, ...rest }) => {
  const t = useWords();
  const desk = useContext(DeskContext);
  const flow = useReactFlow();
  const store = useStoreApi();
  const opened = useDesk(({ flow }) => flow);
  const many = useDesk(({ model }) => model.order.length > MANY);
  const few = useDesk(({ model }) => fewReferences(model));
  const first = useMemo(() => ({ nodes: nodesOf(desk.get().model, [], null, desk.get().collapsed), edges: edgesOf(desk.get().model, [], [], desk.get().collapsed) }), [opened]);
  useFollowing(flow, desk);
  const { level, ...seen } = useSeeing(root, desk, place);
  return (
    <div ref={root} className="surface" data-references={few ? "few" : "many"} tabIndex={-1} {...surface}>
      <ReactFlow
        {...STEADY}
        aria-label={t("Canvas")}
        defaultNodes={first.nodes}
        defaultEdges={first.edges}
        defaultViewport={remembered(place) ?? undefined}
        nodeTypes={nodes}
        edgeTypes={EDGES}
        onlyRenderVisibleElements={many}
        onInit={() => {
          if (remembered(place)) level(flow.getZoom()); // nothing moves, so nobody else says it
          else arrive(flow, store, desk.get().model, place ? LEAST.drawn : LEAST.looked);
        }}
        panOnScroll
        zoomOnDoubleClick={false}
        edgesFocusable={false}
        elevateNodesOnSelect={false}
        proOptions={{ hideAttribution: true }}
        {...seen}
        {...rest}
      >
        <Background variant={BackgroundVariant.Dots} gap={24} size={1.5} />
        <Map />
      </ReactFlow>
      {over}
    </div>
  );
};

const viewKey = (place) => `canevas.view.${place}`;

const remembered = (place) => {
  try {
    return place ? JSON.parse(localStorage.getItem(viewKey(place))) : null;
  } catch {
    return null;
  }
};

const remember = (place, view) => {
  try {
    if (place) localStorage.setItem(viewKey(place), JSON.stringify(view));
  } catch {
    // Nothing to remember it in; next time the flow is shown as if for the first time.
  }
};

/** Show a flow for the first time: all of it, else its beginning. least: the zoom at which it can still be read. */
const arrive = (flow, store, { steps, order }, least) => {
  const { width, height } = store.getState();
  const start = steps[order.find((id) => !steps[id].parent)];
  if (!start) return;
  const whole = getViewportForBounds(flow.getNodesBounds(flow.getNodes()), width, height, least, 1, 0.12);
  const [x, y] = start.at;
  flow.setViewport(whole.zoom > least ? whole : { x: 48 - x * READABLE, y: height / 2 - (y + 60) * READABLE, zoom: READABLE });
};

/** What follows the view: how much the cards show, what is kept painted while it moves, and where it was left. */
const useSeeing = (root, desk, place) =>
  useMemo(() => {
    let before = 0;
    const level = (zoom) => {
      const { model, tiny } = desk.get();
      if (!root.current) return; // the page was left
      for (const [name, limit] of Object.entries(LEVELS)) root.current.classList.toggle(`level-${name}`, zoom < limit && (name !== "speck" || model.order.length > SPECKS));
      if (tiny !== zoom < LEVELS.tiny) desk.set({ tiny: zoom < LEVELS.tiny });
    };
    return {
      level,
      onMove: (_, { zoom }) => {
        root.current?.classList.toggle("moving", zoom === before);
        if (zoom !== before) level(zoom);
        before = zoom;
      },
      onMoveEnd: (_, { x, y, zoom }) => {
        root.current?.classList.remove("moving");
        remember(place, { x, y, zoom });
      },
    };
  }, [root, desk, place]);

/** Keep React Flow's nodes and edges like the model; what did not change keeps its object and is not drawn again. */
const useFollowing = (flow, desk) =>
  useEffect(() => {
    const nodes = ({ model, renaming, collapsed }) => flow.setNodes((before) => nodesOf(model, before, renaming, collapsed));
    const edges = ({ model, selected, collapsed }) => flow.setEdges((before) => edgesOf(model, selected.steps, before, collapsed));
    const stopModel = desk.watch(
      ({ model }) => model,
      (model, before) => {
        const same = (part) => model[part] === before[part];
        if (!["steps", "order", "notes", "wires"].every(same)) nodes(desk.get());
        if (!same("wires") || !same("steps")) edges(desk.get());
      },
    );
    const stopSelected = desk.watch(
      ({ selected }) => String(selected.steps),
      () => edges(desk.get()),
    );
    const stopCollapsed = desk.watch(
      ({ collapsed }) => collapsed,
      () => {
        nodes(desk.get());
        edges(desk.get());
      },
    );
    return () => {
      stopModel();
      stopSelected();
      stopCollapsed();
    };
  }, [flow, desk]);
