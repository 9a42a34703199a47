/* docs/openapi.json, made into a text by openapi_gen.py when the tree is built. */
#ifndef API_OPENAPI_TEXT_H
#define API_OPENAPI_TEXT_H

extern const char openapi_text[];

#endif
