/** The rates of boards, the likeliest first: firmware 1.4 and newer; 1.3 and older, and StandardFirmata. */
export const BOARD_BAUDS: readonly number[] = [38_400, 57_600];

/** The rate of our boot loader. */
export const LOADER_BAUD = 38_400;
