int esp_crt_bundle_attach(void *conf);
