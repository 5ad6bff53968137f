// SPDX-License-Identifier: Apache-2.0
// The panel: the review of a dataset, or what has to be done before it can be reviewed.

import { usePromptOperatorInput } from "@fiftyone/operators";
import { datasetName, refresher, theme } from "@fiftyone/state";
import React, { useEffect } from "react";
import { useRecoilValue } from "recoil";
import { CallContext, useAnswer, useMethods } from "./api";
import { Problem } from "./Problem";
import { Review } from "./Review";
import { FieldSelect } from "./Select";
import * as store from "./state";
import style from "./style.css";
import type { Overview } from "./types";

interface Props {
  id: string;
  schema: { view: Record<string, string> };
  layout?: { height?: number };
}

export function TrackAuditView({ id, schema, layout }: Props) {
  const call = useMethods(id, schema.view);
  const dataset = useRecoilValue(datasetName);
  const scheme = useRecoilValue(theme);
  const refreshed = useRecoilValue(refresher);
  const { dataset: opened } = store.useStored();
  useEffect(() => {
    if (dataset) store.open(dataset);
  }, [dataset]);
  useEffect(() => store.refresh(refreshed), [refreshed]);
  return (
    <CallContext.Provider value={call}>
      <style>{style}</style>
      <div className={`track-audit ${scheme}`} style={{ height: layout?.height ?? "100%" }} data-testid="track-audit">
        {dataset && opened === dataset && <Content key={dataset} dataset={dataset} />}
      </div>
    </CallContext.Provider>
  );
}

function Content({ dataset }: { dataset: string }) {
  const { field, filters, version } = store.useStored();
  const wanted = { label_field: field, dataset };
  const { answer, problem, late } = useAnswer<Overview>("load", wanted, version);
  const found = answer?.label_field ?? null;
  const isOther = found !== field;
  useEffect(() => {
    if (!answer || late) return;
    // The remembered label field or sequence may no longer exist
    if (isOther) store.set({ field: found });
    const isGone = filters.sequence && !answer.sequences?.some(({ name }) => name === filters.sequence);
    if (isGone) store.narrow({ filters: { ...filters, sequence: null } });
  }, [answer, late, isOther, found, filters]);
  if (answer && !problem && !isOther && answer.status === "ready") return <Review key={found} overview={answer} />;
  return (
    <div className="notice">
      {problem ? <Problem text={problem} /> : !answer || isOther ? "Loading…" : <FirstStep overview={answer} />}
    </div>
  );
}

/** What to do before there are issues to review. */
function FirstStep({ overview }: { overview: Overview }) {
  const prompt = usePromptOperatorInput();
  const { operator, label_field, message, status } = overview;
  const start = (uri: string) => prompt(uri, { label_field: label_field ?? undefined }, { callback: store.reload });
  return (
    <>
      <FieldSelect overview={overview} />
      <p>{message}</p>
      {operator && (
        <button className="primary" onClick={() => start(operator)}>
          {status === "no_tracks" ? "Import sequences" : "Audit tracks"}
        </button>
      )}
    </>
  );
}
