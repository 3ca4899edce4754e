import { useEffect, useRef, useState } from "preact/hooks";
import { CarDetails, type CarSummary } from "../../domain/fleet.ts";
import { FleetState } from "./fleet-state.ts";
import { followFleet, get } from "./server.ts";

/** The fleet, and a number that rises with each batch. `onRefused`: the session has ended. */
export const useFleet = (onRefused: () => void) => {
  const [state] = useState(() => new FleetState());
  const [version, setVersion] = useState(0);
  const [isLost, setIsLost] = useState(false);
  useEffect(() => {
    const feed = followFleet({
      begun: () => state.begin(),
      changed(changes) {
        state.apply(changes, Date.now());
        setIsLost(false);
        setVersion((before) => before + 1);
      },
      lost: () => setIsLost(true),
      refused: onRefused,
    });
    return () => feed.close();
  }, [state, onRefused]);
  return { state, version, isLost };
};

/** How often a selected car is asked for, ms, if it has changed. */
const DETAILS_MS = 1_000;

export const useDetails = (
  selected: string | undefined,
  car: CarSummary | undefined,
): CarDetails | undefined => {
  const [details, setDetails] = useState<CarDetails | undefined>(undefined);
  const changed = useRef(false);
  changed.current ||= car !== details?.car;
  useEffect(() => {
    setDetails(undefined);
    if (selected === undefined) return undefined;
    const stop = new AbortController();
    const ask = (): void => {
      changed.current = false;
      get(`car.json?unit=${encodeURIComponent(selected)}`, CarDetails, stop.signal).then(setDetails, () => {
        changed.current = true;
      });
    };
    ask();
    const timer = setInterval(() => {
      if (changed.current) ask();
    }, DETAILS_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [selected]);
  return details?.car.unit === selected ? details : undefined;
};
