// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";

/** Follows the width of an element in pixels. */
export function useWidth(): [number, (node: HTMLElement | null) => void] {
  const [node, setNode] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!node) return undefined;
    const watcher = new ResizeObserver(([{ contentRect }]) => setWidth(Math.floor(contentRect.width)));
    watcher.observe(node);
    return () => watcher.disconnect();
  }, [node]);
  return [width, setNode];
}
