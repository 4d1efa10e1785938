// A wire between two ports, and the one that a person is drawing.
import { BaseEdge, EdgeLabelRenderer, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import { remove } from "./actions.js";
import { useDesk } from "./desk.js";
import { Unlink } from "./marks.jsx";
import { useWords } from "./words.js";

/** Whether something goes over a wire now: its source streams or its target works on what came. */
const flows = (overlay, source, target) => {
  const from = overlay[source]?.state;
  const to = overlay[target]?.state;
  return to === "running" && from !== "skipped" ? "flowing" : from === "done" && to === "done" ? "passed" : "";
};

export const Wire = memo(({ id, source, target, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, data }) => {
  const t = useWords();
  const state = useDesk((desk) => flows(desk.overlay, source, target));
  const wrong = useDesk((desk) => (desk.model.steps[target]?.problems ?? NONE).some((problem) => problem.edge === id));
  const [path, x, y] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, curvature: 0.32 });
  const classes = ["wire", data?.reference && "reference", state, wrong && "wrong", selected && "chosen"];
  return (
    <>
      <BaseEdge id={id} path={path} className={classes.filter(Boolean).join(" ")} interactionWidth={18} />
      {selected && !data?.reference && (
        <EdgeLabelRenderer>
          <button
            type="button"
            className="cut nodrag nopan"
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
            aria-label={t("Remove the wire")}
            title={t("Remove the wire")}
            onClick={remove}
          >
            <Unlink size={14} aria-hidden="true" />
          </button>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

const NONE = [];

export const LooseWire = ({ fromX, fromY, toX, toY, fromPosition, toPosition, connectionStatus }) => {
  const [path] = getBezierPath({ sourceX: fromX, sourceY: fromY, targetX: toX, targetY: toY, sourcePosition: fromPosition, targetPosition: toPosition, curvature: 0.32 });
  return (
    <g>
      <path className={`wire loose ${connectionStatus ?? ""}`} d={path} />
      <circle className="wire-end" cx={toX} cy={toY} r={4} />
    </g>
  );
};
