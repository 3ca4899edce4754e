/** Style sheets are imported for their effect: Vite writes them to a file of their own. */
declare module "*.css";
