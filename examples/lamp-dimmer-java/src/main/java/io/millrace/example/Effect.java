package io.millrace.example;

/**
 * Something to be done outside.
 *
 * @param path where at the controller
 * @param key the same for every redelivery of what caused it, and for nothing else
 * @param body JSON
 */
record Effect(String path, String key, String body) {}
