// Kept out of the page, because the page's Content-Security-Policy allows no inline scripts.
// The URL is relative to /docs, so that it is right under any prefix the app is mounted at.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0, // the routes first; the list of schemas unfolds
  validatorUrl: null, // the default asks validator.swagger.io
});
