// The icons of the editor itself; those of nodes come from the catalog.
import Box from "lucide-react/dist/esm/icons/box.mjs";
import { useDesk } from "./desk.js";

export { default as AlertCircle } from "lucide-react/dist/esm/icons/circle-alert.mjs";
export { default as AlertTriangle } from "lucide-react/dist/esm/icons/triangle-alert.mjs";
export { default as Braces } from "lucide-react/dist/esm/icons/braces.mjs";
export { default as Check } from "lucide-react/dist/esm/icons/check.mjs";
export { default as ChevronDown } from "lucide-react/dist/esm/icons/chevron-down.mjs";
export { default as ChevronLeft } from "lucide-react/dist/esm/icons/chevron-left.mjs";
export { default as ChevronRight } from "lucide-react/dist/esm/icons/chevron-right.mjs";
export { default as CloudOff } from "lucide-react/dist/esm/icons/cloud-off.mjs";
export { default as Copy } from "lucide-react/dist/esm/icons/copy.mjs";
export { default as History } from "lucide-react/dist/esm/icons/history.mjs";
export { default as Hourglass } from "lucide-react/dist/esm/icons/hourglass.mjs";
export { default as Keyboard } from "lucide-react/dist/esm/icons/keyboard.mjs";
export { default as Loader } from "lucide-react/dist/esm/icons/loader-circle.mjs";
export { default as Maximize } from "lucide-react/dist/esm/icons/maximize.mjs";
export { default as Into } from "lucide-react/dist/esm/icons/corner-down-right.mjs";
export { default as Minus } from "lucide-react/dist/esm/icons/minus.mjs";
export { default as Play } from "lucide-react/dist/esm/icons/play.mjs";
export { default as Plus } from "lucide-react/dist/esm/icons/plus.mjs";
export { default as Redo } from "lucide-react/dist/esm/icons/redo-2.mjs";
export { default as Search } from "lucide-react/dist/esm/icons/search.mjs";
export { default as Settings } from "lucide-react/dist/esm/icons/sliders-horizontal.mjs";
export { default as SkipForward } from "lucide-react/dist/esm/icons/skip-forward.mjs";
export { default as Sparkle } from "lucide-react/dist/esm/icons/wand-sparkles.mjs";
export { default as StickyNote } from "lucide-react/dist/esm/icons/sticky-note.mjs";
export { default as Tidy } from "lucide-react/dist/esm/icons/network.mjs";
export { default as Trash } from "lucide-react/dist/esm/icons/trash-2.mjs";
export { default as Undo } from "lucide-react/dist/esm/icons/undo-2.mjs";
export { default as Unlink } from "lucide-react/dist/esm/icons/unlink.mjs";
export { default as Workflow } from "lucide-react/dist/esm/icons/workflow.mjs";
export { default as X } from "lucide-react/dist/esm/icons/x.mjs";
export { default as Link } from "lucide-react/dist/esm/icons/spline.mjs";

/** The icon of a kind of node, in its shape and accent. */
export const Mark = ({ icon, group }) => {
  const Icon = useDesk((desk) => desk.icons[icon]) ?? Box;
  return (
    <span className={`mark ${group}`} aria-hidden="true">
      <Icon size={18} strokeWidth={1.75} />
    </span>
  );
};
