// SPDX-License-Identifier: Apache-2.0
// Show the listed issues in the App's grid, too, as the App's own panels filter samples.

import { isModalActive } from "@fiftyone/state";
import { useEffect } from "react";
import { useRecoilValue } from "recoil";
import { useCall } from "./api";
import * as store from "./state";

/** What the grid of a dataset was asked to show. The panel beside a video shares it. */
let asked: { dataset: string | null; wanted: string | null } = { dataset: null, wanted: null };

/** Show the samples of the issues that match the filters, as long as the user wants that. */
export function useSamples(): void {
  const call = useCall();
  const { dataset, samples, filters } = store.useStored();
  const isOpen = useRecoilValue(isModalActive);
  const wanted = samples ? JSON.stringify(filters) : null;
  useEffect(() => {
    // A view that changes would close the video
    if (isOpen) return;
    const before = asked.dataset === dataset ? asked.wanted : null;
    asked = { dataset, wanted };
    if (before === wanted) return;
    call("show_samples", wanted ? JSON.parse(wanted) : { all: true }).catch((error: Error) =>
      store.set({ failure: error.message, samples: false }),
    );
  }, [call, dataset, wanted, isOpen]);
}
