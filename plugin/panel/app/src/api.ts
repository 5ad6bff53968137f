// SPDX-License-Identifier: Apache-2.0
// Call the panel's Python side.

import { usePanelEvent } from "@fiftyone/operators";
import { createContext, useCallback, useContext, useEffect, useRef, useState } from "react";
import { keep, resultOf } from "./answers";
import { get } from "./state";

export type Call = <T>(method: string, params?: object) => Promise<T>;

export const CallContext = createContext<Call>(() => Promise.reject(new Error("There is no panel to call")));

export const useCall = (): Call => useContext(CallContext);

/** Return the function that calls a method of the panel. Its promise rejects with any problem. */
export function useMethods(panelId: string, uris: Record<string, string>): Call {
  const trigger = usePanelEvent();
  const known = useRef({ trigger, uris });
  known.current = { trigger, uris };
  return useCallback(
    <T>(method: string, params: object = {}) =>
      new Promise<T>((resolve, reject) => {
        known.current.trigger(panelId, {
          operator: known.current.uris[method],
          params: { label_field: get().field, ...params },
          callback: (reply) => {
            try {
              resolve(resultOf<T>(reply));
            } catch (error) {
              reject(error);
            }
            // The panel shows errors itself instead of the App
            return false;
          },
        });
      }),
    [panelId],
  );
}

/** How long an answer is reused, in milliseconds. */
const MAX_AGE = 60_000;
/** The number of answers that are kept. */
const CACHE_SIZE = 12;

/** The latest answers, which the panel above the grid shares with the one beside the video. */
const answers = new Map<string, { asked: number; answer: Promise<unknown> }>();

/** Call a method, or reuse the answer to the same recent call. */
function ask<T>(call: Call, method: string, params: object, version: number, more: object = {}): Promise<T> {
  const key = JSON.stringify([get().dataset, get().field, method, params, version, more]);
  const kept = answers.get(key);
  if (kept && Date.now() - kept.asked < MAX_AGE) return kept.answer as Promise<T>;
  const answer = call<T>(method, { ...params, ...more });
  answers.delete(key);
  keep(answers, key, { asked: Date.now(), answer }, CACHE_SIZE);
  // A failed call is repeated the next time. The caller handles its error.
  answer.catch(() => answers.delete(key));
  return answer;
}

/** Call a method in advance for what the user is likely to open next. */
export function usePrefetch(method: string, params: object | null, version: number): void {
  const call = useCall();
  const asked = params && JSON.stringify(params);
  useEffect(() => {
    // An error is shown when the user opens it
    if (asked) ask(call, method, JSON.parse(asked), version).catch(() => undefined);
  }, [call, method, asked, version]);
}

/** The last good answer, the error since then, and the call that returned either. */
interface Answer<T> {
  answer: T | null;
  problem: string | null;
  asked: string | null;
}

/** How long a call waits for the answer to the previous one, in milliseconds. */
const PATIENCE = 1000;

/**
 * Call a method whenever its parameters change. Of several quick changes only the last one is sent,
 * and an answer that arrives after a newer call is dropped. Until the next answer arrives, `answer`
 * is the previous one and `late` is true.
 *
 * @param method The method, or null to call nothing.
 * @param params The parameters.
 * @param version The version of the issues. The method is called again when it changes.
 * @param more A stable function that returns further parameters at the time of the call. Their
 *   changes do not repeat it.
 */
export function useAnswer<T>(method: string | null, params: object, version: number, more?: () => object) {
  const call = useCall();
  const [last, setLast] = useState<Answer<T>>({ answer: null, problem: null, asked: null });
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const asked = JSON.stringify({ params, version });
  useEffect(() => {
    if (!method) return undefined;
    let wanted = true;
    void before.current.then(() => {
      if (!wanted) return;
      const answered = ask<T>(call, method, JSON.parse(asked).params, version, more?.()).then(
        (answer) => wanted && setLast({ answer, problem: null, asked }),
        (error: Error) => wanted && setLast(({ answer }) => ({ answer, problem: error.message, asked })),
      );
      const waited = new Promise((resolve) => setTimeout(resolve, PATIENCE));
      before.current = Promise.race([answered, waited]);
    });
    return () => {
      wanted = false;
    };
  }, [call, method, asked, version, more]);
  return { answer: last.answer, problem: last.problem, late: last.asked !== asked };
}
