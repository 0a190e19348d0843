import manifest from '../../package.json' with { type: 'json' };

/** Version of this product, as sessions record it and helpers have to be of. */
export const PRODUCT_VERSION: string = manifest.version;
