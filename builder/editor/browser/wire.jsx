// A wire between two ports, and the one that a person is drawing.
import { BaseEdge, EdgeLabelRenderer, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import { remove } from "./actions.js";
import { useDesk } from "./desk.js";
import { Unlink } from "./marks.jsx";
import { bodyAround, placeOf } from "./nesting.js";
import { saysOf } from "./scopes.js";
import { useWords } from "./words.js";

/** Whether something goes over a wire now, or went: its source has given and its target is at work, or was. */
const traffic = (desk, { source, output, target }) => {
  const from = saysOf(desk, source)?.state;
  const to = saysOf(desk, target)?.state;
  // A frame hands its inside what it has as long as it is at work, and takes from it what each step gave.
  if (bodyAround(desk.model, target, source)) return to === "running" ? "flowing" : to === "done" ? "passed" : "";
  if (placeOf(desk.model, source).step === target) return from === "done" ? "passed" : "";
  const gave = output === "error" ? from === "failed" : from === "done";
  return gave && to === "running" ? "flowing" : gave && to === "done" ? "passed" : "";
};

export const Wire = memo(({ id, target, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, data }) => {
  const t = useWords();
  const state = useDesk((desk) => traffic(desk, data));
  const wrong = useDesk((desk) => (desk.model.steps[target]?.problems ?? NONE).some((problem) => problem.edge === id));
  const [path, x, y] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, curvature: 0.32 });
  const classes = ["flow-wire", data.reference && "reference", state, wrong && "wrong", selected && "chosen"];
  return (
    <>
      <BaseEdge id={id} path={path} className={classes.filter(Boolean).join(" ")} interactionWidth={18} />
      {selected && !data.reference && (
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
      <path className={`flow-wire loose ${connectionStatus ?? ""}`} d={path} />
      <circle className="flow-wire-end" cx={toX} cy={toY} r={4} />
    </g>
  );
};
