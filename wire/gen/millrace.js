/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "../src/protobuf.ts";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const millrace = $root.millrace = (() => {

    const millrace = {};

    millrace.v1 = (function() {

        const v1 = {};

        v1.Alert = (function() {

            const Alert = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Alert.prototype.id = "";
            Alert.prototype.gateway = "";
            Alert.prototype.sensor = "";
            Alert.prototype.metric = "";
            Alert.prototype.rule = "";
            Alert.prototype.severity = 0;
            Alert.prototype.state = 0;
            Alert.prototype.value = 0;
            Alert.prototype.message = "";
            Alert.prototype.atUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            Alert.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(18).string(message.gateway);
                if (message.sensor != null && $Object.hasOwnProperty.call(message, "sensor") && message.sensor !== "")
                    writer.uint32(26).string(message.sensor);
                if (message.metric != null && $Object.hasOwnProperty.call(message, "metric") && message.metric !== "")
                    writer.uint32(34).string(message.metric);
                if (message.rule != null && $Object.hasOwnProperty.call(message, "rule") && message.rule !== "")
                    writer.uint32(42).string(message.rule);
                if (message.severity != null && $Object.hasOwnProperty.call(message, "severity") && message.severity !== 0)
                    writer.uint32(48).int32(message.severity);
                if (message.state != null && $Object.hasOwnProperty.call(message, "state") && message.state !== 0)
                    writer.uint32(56).int32(message.state);
                if (message.value != null && $Object.hasOwnProperty.call(message, "value") && !$Object.is(message.value, 0))
                    writer.uint32(65).double(message.value);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(74).string(message.message);
                if (message.atUs != null && $Object.hasOwnProperty.call(message, "atUs") && (typeof message.atUs === "object" ? message.atUs.low || message.atUs.high : message.atUs !== 0))
                    writer.uint32(80).int64(message.atUs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Alert.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.Alert();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.sensor = value;
                            else
                                delete message.sensor;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.metric = value;
                            else
                                delete message.metric;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rule = value;
                            else
                                delete message.rule;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.severity = value;
                            else
                                delete message.severity;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.state = value;
                            else
                                delete message.state;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.value = value;
                            else
                                delete message.value;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.atUs = value;
                            else
                                delete message.atUs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            Alert.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.Alert";
            };

            Alert.Severity = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "INFO"] = 0;
                values[valuesById[1] = "WARNING"] = 1;
                values[valuesById[2] = "CRITICAL"] = 2;
                return values;
            })();

            Alert.State = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "CLEARED"] = 0;
                values[valuesById[1] = "RAISED"] = 1;
                return values;
            })();

            return Alert;
        })();

        v1.Command = (function() {

            const Command = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Command.prototype.id = "";
            Command.prototype.gateway = "";
            Command.prototype.name = "";
            Command.prototype["arguments"] = "";
            Command.prototype.expiresUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            Command.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(18).string(message.gateway);
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(26).string(message.name);
                if (message["arguments"] != null && $Object.hasOwnProperty.call(message, "arguments") && message["arguments"] !== "")
                    writer.uint32(34).string(message["arguments"]);
                if (message.expiresUs != null && $Object.hasOwnProperty.call(message, "expiresUs") && (typeof message.expiresUs === "object" ? message.expiresUs.low || message.expiresUs.high : message.expiresUs !== 0))
                    writer.uint32(40).int64(message.expiresUs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Command.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.Command();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message["arguments"] = value;
                            else
                                delete message["arguments"];
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.expiresUs = value;
                            else
                                delete message.expiresUs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            Command.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.Command";
            };

            return Command;
        })();

        v1.CommandReply = (function() {

            const CommandReply = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            CommandReply.prototype.id = "";
            CommandReply.prototype.gateway = "";
            CommandReply.prototype.ok = false;
            CommandReply.prototype.body = "";
            CommandReply.prototype.atUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            CommandReply.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(18).string(message.gateway);
                if (message.ok != null && $Object.hasOwnProperty.call(message, "ok") && message.ok !== false)
                    writer.uint32(24).bool(message.ok);
                if (message.body != null && $Object.hasOwnProperty.call(message, "body") && message.body !== "")
                    writer.uint32(34).string(message.body);
                if (message.atUs != null && $Object.hasOwnProperty.call(message, "atUs") && (typeof message.atUs === "object" ? message.atUs.low || message.atUs.high : message.atUs !== 0))
                    writer.uint32(40).int64(message.atUs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            CommandReply.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.CommandReply();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.ok = value;
                            else
                                delete message.ok;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.body = value;
                            else
                                delete message.body;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.atUs = value;
                            else
                                delete message.atUs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            CommandReply.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.CommandReply";
            };

            return CommandReply;
        })();

        v1.GatewayLedger = (function() {

            const GatewayLedger = function (properties) {
                this.holes = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GatewayLedger.prototype.gateway = "";
            GatewayLedger.prototype.boot = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayLedger.prototype.atUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GatewayLedger.prototype.lastSeq = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GatewayLedger.prototype.counted = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayLedger.prototype.dropped = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayLedger.prototype.missing = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayLedger.prototype.holes = $util.emptyArray;

            GatewayLedger.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(10).string(message.gateway);
                if (message.boot != null && $Object.hasOwnProperty.call(message, "boot") && (typeof message.boot === "object" ? message.boot.low || message.boot.high : message.boot !== 0))
                    writer.uint32(17).fixed64(message.boot);
                if (message.atUs != null && $Object.hasOwnProperty.call(message, "atUs") && (typeof message.atUs === "object" ? message.atUs.low || message.atUs.high : message.atUs !== 0))
                    writer.uint32(24).int64(message.atUs);
                if (message.lastSeq != null && $Object.hasOwnProperty.call(message, "lastSeq") && (typeof message.lastSeq === "object" ? message.lastSeq.low || message.lastSeq.high : message.lastSeq !== 0))
                    writer.uint32(32).sint64(message.lastSeq);
                if (message.counted != null && $Object.hasOwnProperty.call(message, "counted") && (typeof message.counted === "object" ? message.counted.low || message.counted.high : message.counted !== 0))
                    writer.uint32(40).uint64(message.counted);
                if (message.dropped != null && $Object.hasOwnProperty.call(message, "dropped") && (typeof message.dropped === "object" ? message.dropped.low || message.dropped.high : message.dropped !== 0))
                    writer.uint32(48).uint64(message.dropped);
                if (message.missing != null && $Object.hasOwnProperty.call(message, "missing") && (typeof message.missing === "object" ? message.missing.low || message.missing.high : message.missing !== 0))
                    writer.uint32(56).uint64(message.missing);
                if (message.holes != null && message.holes.length)
                    for (let i = 0; i < message.holes.length; ++i)
                        $root.millrace.v1.SeqRange.encode(message.holes[i], writer.uint32(66).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GatewayLedger.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.GatewayLedger();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.boot = value;
                            else
                                delete message.boot;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.atUs = value;
                            else
                                delete message.atUs;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lastSeq = value;
                            else
                                delete message.lastSeq;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.counted = value;
                            else
                                delete message.counted;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.dropped = value;
                            else
                                delete message.dropped;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.missing = value;
                            else
                                delete message.missing;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if (!(message.holes && message.holes.length))
                                message.holes = [];
                            message.holes.push($root.millrace.v1.SeqRange.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            GatewayLedger.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.GatewayLedger";
            };

            return GatewayLedger;
        })();

        v1.ReadingBatch = (function() {

            const ReadingBatch = function (properties) {
                this.series = [];
                this.seriesIndex = [];
                this.timeUs = [];
                this.value = [];
                this.quality = [];
                this.dropped = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ReadingBatch.prototype.gateway = "";
            ReadingBatch.prototype.boot = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ReadingBatch.prototype.firstSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ReadingBatch.prototype.series = $util.emptyArray;
            ReadingBatch.prototype.seriesIndex = $util.emptyArray;
            ReadingBatch.prototype.timeUs = $util.emptyArray;
            ReadingBatch.prototype.value = $util.emptyArray;
            ReadingBatch.prototype.quality = $util.emptyArray;
            ReadingBatch.prototype.clock = 0;
            ReadingBatch.prototype.completeThroughUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ReadingBatch.prototype.dropped = $util.emptyArray;
            ReadingBatch.prototype.site = "";

            ReadingBatch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(10).string(message.gateway);
                if (message.boot != null && $Object.hasOwnProperty.call(message, "boot") && (typeof message.boot === "object" ? message.boot.low || message.boot.high : message.boot !== 0))
                    writer.uint32(17).fixed64(message.boot);
                if (message.firstSeq != null && $Object.hasOwnProperty.call(message, "firstSeq") && (typeof message.firstSeq === "object" ? message.firstSeq.low || message.firstSeq.high : message.firstSeq !== 0))
                    writer.uint32(24).uint64(message.firstSeq);
                if (message.series != null && message.series.length)
                    for (let i = 0; i < message.series.length; ++i)
                        $root.millrace.v1.Series.encode(message.series[i], writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.seriesIndex != null && message.seriesIndex.length)
                    writer.uint32(42).uint32s(message.seriesIndex);
                if (message.timeUs != null && message.timeUs.length)
                    writer.uint32(50).sint64s(message.timeUs);
                if (message.value != null && message.value.length)
                    writer.uint32(58).doubles(message.value);
                if (message.quality != null && message.quality.length)
                    writer.uint32(66).uint32s(message.quality);
                if (message.clock != null && $Object.hasOwnProperty.call(message, "clock") && message.clock !== 0)
                    writer.uint32(72).int32(message.clock);
                if (message.completeThroughUs != null && $Object.hasOwnProperty.call(message, "completeThroughUs") && (typeof message.completeThroughUs === "object" ? message.completeThroughUs.low || message.completeThroughUs.high : message.completeThroughUs !== 0))
                    writer.uint32(80).int64(message.completeThroughUs);
                if (message.dropped != null && message.dropped.length)
                    for (let i = 0; i < message.dropped.length; ++i)
                        $root.millrace.v1.Dropped.encode(message.dropped[i], writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.site != null && $Object.hasOwnProperty.call(message, "site") && message.site !== "")
                    writer.uint32(98).string(message.site);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ReadingBatch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.ReadingBatch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.boot = value;
                            else
                                delete message.boot;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.firstSeq = value;
                            else
                                delete message.firstSeq;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if (!(message.series && message.series.length))
                                message.series = [];
                            message.series.push($root.millrace.v1.Series.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 5: {
                            if (wireType === 2) {
                                if (!(message.seriesIndex && message.seriesIndex.length))
                                    message.seriesIndex = [];
                                reader.uint32s(message.seriesIndex);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.seriesIndex && message.seriesIndex.length))
                                message.seriesIndex = [];
                            message.seriesIndex.push(reader.uint32());
                            continue;
                        }
                    case 6: {
                            if (wireType === 2) {
                                if (!(message.timeUs && message.timeUs.length))
                                    message.timeUs = [];
                                reader.sint64s(message.timeUs);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.timeUs && message.timeUs.length))
                                message.timeUs = [];
                            message.timeUs.push(reader.sint64());
                            continue;
                        }
                    case 7: {
                            if (wireType === 2) {
                                if (!(message.value && message.value.length))
                                    message.value = [];
                                reader.doubles(message.value);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.value && message.value.length))
                                message.value = [];
                            message.value.push(reader.double());
                            continue;
                        }
                    case 8: {
                            if (wireType === 2) {
                                if (!(message.quality && message.quality.length))
                                    message.quality = [];
                                reader.uint32s(message.quality);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.quality && message.quality.length))
                                message.quality = [];
                            message.quality.push(reader.uint32());
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.clock = value;
                            else
                                delete message.clock;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.completeThroughUs = value;
                            else
                                delete message.completeThroughUs;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.dropped && message.dropped.length))
                                message.dropped = [];
                            message.dropped.push($root.millrace.v1.Dropped.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.site = value;
                            else
                                delete message.site;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            ReadingBatch.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.ReadingBatch";
            };

            return ReadingBatch;
        })();

        v1.Series = (function() {

            const Series = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Series.prototype.sensor = "";
            Series.prototype.metric = "";
            Series.prototype.unit = "";
            Series.prototype.intervalMs = 0;
            Series.prototype.lat = null;
            Series.prototype.lon = null;
            Series.prototype.zone = "";

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Series.prototype, "_lat", {
                get: $util.oneOfGetter($oneOfFields = ["lat"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Series.prototype, "_lon", {
                get: $util.oneOfGetter($oneOfFields = ["lon"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Series.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.sensor != null && $Object.hasOwnProperty.call(message, "sensor") && message.sensor !== "")
                    writer.uint32(10).string(message.sensor);
                if (message.metric != null && $Object.hasOwnProperty.call(message, "metric") && message.metric !== "")
                    writer.uint32(18).string(message.metric);
                if (message.unit != null && $Object.hasOwnProperty.call(message, "unit") && message.unit !== "")
                    writer.uint32(26).string(message.unit);
                if (message.intervalMs != null && $Object.hasOwnProperty.call(message, "intervalMs") && message.intervalMs !== 0)
                    writer.uint32(32).uint32(message.intervalMs);
                if (message.lat != null && $Object.hasOwnProperty.call(message, "lat"))
                    writer.uint32(41).double(message.lat);
                if (message.lon != null && $Object.hasOwnProperty.call(message, "lon"))
                    writer.uint32(49).double(message.lon);
                if (message.zone != null && $Object.hasOwnProperty.call(message, "zone") && message.zone !== "")
                    writer.uint32(58).string(message.zone);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Series.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.Series();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.sensor = value;
                            else
                                delete message.sensor;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.metric = value;
                            else
                                delete message.metric;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.unit = value;
                            else
                                delete message.unit;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.intervalMs = value;
                            else
                                delete message.intervalMs;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            message.lat = reader.double();
                            message._lat = "lat";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 1)
                                break;
                            message.lon = reader.double();
                            message._lon = "lon";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.zone = value;
                            else
                                delete message.zone;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            Series.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.Series";
            };

            return Series;
        })();

        v1.Clock = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "UNSYNCED"] = 0;
            values[valuesById[1] = "SYNCED"] = 1;
            values[valuesById[2] = "CORRECTED"] = 2;
            return values;
        })();

        v1.Dropped = (function() {

            const Dropped = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Dropped.prototype.firstSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Dropped.prototype.lastSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Dropped.prototype.reason = "";

            Dropped.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.firstSeq != null && $Object.hasOwnProperty.call(message, "firstSeq") && (typeof message.firstSeq === "object" ? message.firstSeq.low || message.firstSeq.high : message.firstSeq !== 0))
                    writer.uint32(8).uint64(message.firstSeq);
                if (message.lastSeq != null && $Object.hasOwnProperty.call(message, "lastSeq") && (typeof message.lastSeq === "object" ? message.lastSeq.low || message.lastSeq.high : message.lastSeq !== 0))
                    writer.uint32(16).uint64(message.lastSeq);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(26).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Dropped.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.Dropped();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.firstSeq = value;
                            else
                                delete message.firstSeq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lastSeq = value;
                            else
                                delete message.lastSeq;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            Dropped.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.Dropped";
            };

            return Dropped;
        })();

        v1.SeqRange = (function() {

            const SeqRange = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            SeqRange.prototype.firstSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SeqRange.prototype.lastSeq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            SeqRange.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.firstSeq != null && $Object.hasOwnProperty.call(message, "firstSeq") && (typeof message.firstSeq === "object" ? message.firstSeq.low || message.firstSeq.high : message.firstSeq !== 0))
                    writer.uint32(8).uint64(message.firstSeq);
                if (message.lastSeq != null && $Object.hasOwnProperty.call(message, "lastSeq") && (typeof message.lastSeq === "object" ? message.lastSeq.low || message.lastSeq.high : message.lastSeq !== 0))
                    writer.uint32(16).uint64(message.lastSeq);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            SeqRange.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.SeqRange();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.firstSeq = value;
                            else
                                delete message.firstSeq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lastSeq = value;
                            else
                                delete message.lastSeq;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            SeqRange.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.SeqRange";
            };

            return SeqRange;
        })();

        v1.StatsBatch = (function() {

            const StatsBatch = function (properties) {
                this.series = [];
                this.seriesIndex = [];
                this.startUs = [];
                this.count = [];
                this.expected = [];
                this.mean = [];
                this.min = [];
                this.max = [];
                this.stddev = [];
                this.p50 = [];
                this.p95 = [];
                this.p99 = [];
                this.first = [];
                this.last = [];
                this.revision = [];
                this.final = [];
                this.rate = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            StatsBatch.prototype.gateway = "";
            StatsBatch.prototype.site = "";
            StatsBatch.prototype.series = $util.emptyArray;
            StatsBatch.prototype.window = "";
            StatsBatch.prototype.seriesIndex = $util.emptyArray;
            StatsBatch.prototype.startUs = $util.emptyArray;
            StatsBatch.prototype.count = $util.emptyArray;
            StatsBatch.prototype.expected = $util.emptyArray;
            StatsBatch.prototype.mean = $util.emptyArray;
            StatsBatch.prototype.min = $util.emptyArray;
            StatsBatch.prototype.max = $util.emptyArray;
            StatsBatch.prototype.stddev = $util.emptyArray;
            StatsBatch.prototype.p50 = $util.emptyArray;
            StatsBatch.prototype.p95 = $util.emptyArray;
            StatsBatch.prototype.p99 = $util.emptyArray;
            StatsBatch.prototype.first = $util.emptyArray;
            StatsBatch.prototype.last = $util.emptyArray;
            StatsBatch.prototype.revision = $util.emptyArray;
            StatsBatch.prototype.final = $util.emptyArray;
            StatsBatch.prototype.rate = $util.emptyArray;

            StatsBatch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(10).string(message.gateway);
                if (message.site != null && $Object.hasOwnProperty.call(message, "site") && message.site !== "")
                    writer.uint32(18).string(message.site);
                if (message.series != null && message.series.length)
                    for (let i = 0; i < message.series.length; ++i)
                        $root.millrace.v1.Series.encode(message.series[i], writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.window != null && $Object.hasOwnProperty.call(message, "window") && message.window !== "")
                    writer.uint32(34).string(message.window);
                if (message.seriesIndex != null && message.seriesIndex.length)
                    writer.uint32(42).uint32s(message.seriesIndex);
                if (message.startUs != null && message.startUs.length)
                    writer.uint32(50).sint64s(message.startUs);
                if (message.count != null && message.count.length)
                    writer.uint32(58).uint64s(message.count);
                if (message.expected != null && message.expected.length)
                    writer.uint32(66).uint64s(message.expected);
                if (message.mean != null && message.mean.length)
                    writer.uint32(74).doubles(message.mean);
                if (message.min != null && message.min.length)
                    writer.uint32(82).doubles(message.min);
                if (message.max != null && message.max.length)
                    writer.uint32(90).doubles(message.max);
                if (message.stddev != null && message.stddev.length)
                    writer.uint32(98).doubles(message.stddev);
                if (message.p50 != null && message.p50.length)
                    writer.uint32(106).doubles(message.p50);
                if (message.p95 != null && message.p95.length)
                    writer.uint32(114).doubles(message.p95);
                if (message.p99 != null && message.p99.length)
                    writer.uint32(122).doubles(message.p99);
                if (message.first != null && message.first.length)
                    writer.uint32(130).doubles(message.first);
                if (message.last != null && message.last.length)
                    writer.uint32(138).doubles(message.last);
                if (message.revision != null && message.revision.length)
                    writer.uint32(146).uint32s(message.revision);
                if (message.final != null && message.final.length)
                    writer.uint32(154).bools(message.final);
                if (message.rate != null && message.rate.length)
                    writer.uint32(162).doubles(message.rate);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            StatsBatch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.StatsBatch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.site = value;
                            else
                                delete message.site;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if (!(message.series && message.series.length))
                                message.series = [];
                            message.series.push($root.millrace.v1.Series.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.window = value;
                            else
                                delete message.window;
                            continue;
                        }
                    case 5: {
                            if (wireType === 2) {
                                if (!(message.seriesIndex && message.seriesIndex.length))
                                    message.seriesIndex = [];
                                reader.uint32s(message.seriesIndex);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.seriesIndex && message.seriesIndex.length))
                                message.seriesIndex = [];
                            message.seriesIndex.push(reader.uint32());
                            continue;
                        }
                    case 6: {
                            if (wireType === 2) {
                                if (!(message.startUs && message.startUs.length))
                                    message.startUs = [];
                                reader.sint64s(message.startUs);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.startUs && message.startUs.length))
                                message.startUs = [];
                            message.startUs.push(reader.sint64());
                            continue;
                        }
                    case 7: {
                            if (wireType === 2) {
                                if (!(message.count && message.count.length))
                                    message.count = [];
                                reader.uint64s(message.count);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.count && message.count.length))
                                message.count = [];
                            message.count.push(reader.uint64());
                            continue;
                        }
                    case 8: {
                            if (wireType === 2) {
                                if (!(message.expected && message.expected.length))
                                    message.expected = [];
                                reader.uint64s(message.expected);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.expected && message.expected.length))
                                message.expected = [];
                            message.expected.push(reader.uint64());
                            continue;
                        }
                    case 9: {
                            if (wireType === 2) {
                                if (!(message.mean && message.mean.length))
                                    message.mean = [];
                                reader.doubles(message.mean);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.mean && message.mean.length))
                                message.mean = [];
                            message.mean.push(reader.double());
                            continue;
                        }
                    case 10: {
                            if (wireType === 2) {
                                if (!(message.min && message.min.length))
                                    message.min = [];
                                reader.doubles(message.min);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.min && message.min.length))
                                message.min = [];
                            message.min.push(reader.double());
                            continue;
                        }
                    case 11: {
                            if (wireType === 2) {
                                if (!(message.max && message.max.length))
                                    message.max = [];
                                reader.doubles(message.max);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.max && message.max.length))
                                message.max = [];
                            message.max.push(reader.double());
                            continue;
                        }
                    case 12: {
                            if (wireType === 2) {
                                if (!(message.stddev && message.stddev.length))
                                    message.stddev = [];
                                reader.doubles(message.stddev);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.stddev && message.stddev.length))
                                message.stddev = [];
                            message.stddev.push(reader.double());
                            continue;
                        }
                    case 13: {
                            if (wireType === 2) {
                                if (!(message.p50 && message.p50.length))
                                    message.p50 = [];
                                reader.doubles(message.p50);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p50 && message.p50.length))
                                message.p50 = [];
                            message.p50.push(reader.double());
                            continue;
                        }
                    case 14: {
                            if (wireType === 2) {
                                if (!(message.p95 && message.p95.length))
                                    message.p95 = [];
                                reader.doubles(message.p95);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p95 && message.p95.length))
                                message.p95 = [];
                            message.p95.push(reader.double());
                            continue;
                        }
                    case 15: {
                            if (wireType === 2) {
                                if (!(message.p99 && message.p99.length))
                                    message.p99 = [];
                                reader.doubles(message.p99);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p99 && message.p99.length))
                                message.p99 = [];
                            message.p99.push(reader.double());
                            continue;
                        }
                    case 16: {
                            if (wireType === 2) {
                                if (!(message.first && message.first.length))
                                    message.first = [];
                                reader.doubles(message.first);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.first && message.first.length))
                                message.first = [];
                            message.first.push(reader.double());
                            continue;
                        }
                    case 17: {
                            if (wireType === 2) {
                                if (!(message.last && message.last.length))
                                    message.last = [];
                                reader.doubles(message.last);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.last && message.last.length))
                                message.last = [];
                            message.last.push(reader.double());
                            continue;
                        }
                    case 18: {
                            if (wireType === 2) {
                                if (!(message.revision && message.revision.length))
                                    message.revision = [];
                                reader.uint32s(message.revision);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.revision && message.revision.length))
                                message.revision = [];
                            message.revision.push(reader.uint32());
                            continue;
                        }
                    case 19: {
                            if (wireType === 2) {
                                if (!(message.final && message.final.length))
                                    message.final = [];
                                reader.bools(message.final);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.final && message.final.length))
                                message.final = [];
                            message.final.push(reader.bool());
                            continue;
                        }
                    case 20: {
                            if (wireType === 2) {
                                if (!(message.rate && message.rate.length))
                                    message.rate = [];
                                reader.doubles(message.rate);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.rate && message.rate.length))
                                message.rate = [];
                            message.rate.push(reader.double());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            StatsBatch.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.StatsBatch";
            };

            return StatsBatch;
        })();

        v1.GatewayStatus = (function() {

            const GatewayStatus = function (properties) {
                this.unsent = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GatewayStatus.prototype.gateway = "";
            GatewayStatus.prototype.site = "";
            GatewayStatus.prototype.state = 0;
            GatewayStatus.prototype.version = "";
            GatewayStatus.prototype.boot = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayStatus.prototype.lastSeq = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GatewayStatus.prototype.outboxReadings = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayStatus.prototype.outboxBytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayStatus.prototype.dropped = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GatewayStatus.prototype.clock = 0;
            GatewayStatus.prototype.clockOffsetMs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GatewayStatus.prototype.lat = null;
            GatewayStatus.prototype.lon = null;
            GatewayStatus.prototype.atUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GatewayStatus.prototype.unsent = $util.emptyArray;
            GatewayStatus.prototype.completeThroughUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GatewayStatus.prototype, "_lat", {
                get: $util.oneOfGetter($oneOfFields = ["lat"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GatewayStatus.prototype, "_lon", {
                get: $util.oneOfGetter($oneOfFields = ["lon"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            GatewayStatus.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.gateway != null && $Object.hasOwnProperty.call(message, "gateway") && message.gateway !== "")
                    writer.uint32(10).string(message.gateway);
                if (message.site != null && $Object.hasOwnProperty.call(message, "site") && message.site !== "")
                    writer.uint32(18).string(message.site);
                if (message.state != null && $Object.hasOwnProperty.call(message, "state") && message.state !== 0)
                    writer.uint32(24).int32(message.state);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
                    writer.uint32(34).string(message.version);
                if (message.boot != null && $Object.hasOwnProperty.call(message, "boot") && (typeof message.boot === "object" ? message.boot.low || message.boot.high : message.boot !== 0))
                    writer.uint32(41).fixed64(message.boot);
                if (message.lastSeq != null && $Object.hasOwnProperty.call(message, "lastSeq") && (typeof message.lastSeq === "object" ? message.lastSeq.low || message.lastSeq.high : message.lastSeq !== 0))
                    writer.uint32(48).sint64(message.lastSeq);
                if (message.outboxReadings != null && $Object.hasOwnProperty.call(message, "outboxReadings") && (typeof message.outboxReadings === "object" ? message.outboxReadings.low || message.outboxReadings.high : message.outboxReadings !== 0))
                    writer.uint32(56).uint64(message.outboxReadings);
                if (message.outboxBytes != null && $Object.hasOwnProperty.call(message, "outboxBytes") && (typeof message.outboxBytes === "object" ? message.outboxBytes.low || message.outboxBytes.high : message.outboxBytes !== 0))
                    writer.uint32(64).uint64(message.outboxBytes);
                if (message.dropped != null && $Object.hasOwnProperty.call(message, "dropped") && (typeof message.dropped === "object" ? message.dropped.low || message.dropped.high : message.dropped !== 0))
                    writer.uint32(72).uint64(message.dropped);
                if (message.clock != null && $Object.hasOwnProperty.call(message, "clock") && message.clock !== 0)
                    writer.uint32(80).int32(message.clock);
                if (message.clockOffsetMs != null && $Object.hasOwnProperty.call(message, "clockOffsetMs") && (typeof message.clockOffsetMs === "object" ? message.clockOffsetMs.low || message.clockOffsetMs.high : message.clockOffsetMs !== 0))
                    writer.uint32(88).sint64(message.clockOffsetMs);
                if (message.lat != null && $Object.hasOwnProperty.call(message, "lat"))
                    writer.uint32(97).double(message.lat);
                if (message.lon != null && $Object.hasOwnProperty.call(message, "lon"))
                    writer.uint32(105).double(message.lon);
                if (message.atUs != null && $Object.hasOwnProperty.call(message, "atUs") && (typeof message.atUs === "object" ? message.atUs.low || message.atUs.high : message.atUs !== 0))
                    writer.uint32(112).int64(message.atUs);
                if (message.unsent != null && message.unsent.length)
                    for (let i = 0; i < message.unsent.length; ++i)
                        $root.millrace.v1.SeqRange.encode(message.unsent[i], writer.uint32(122).fork(), _depth + 1).ldelim();
                if (message.completeThroughUs != null && $Object.hasOwnProperty.call(message, "completeThroughUs") && (typeof message.completeThroughUs === "object" ? message.completeThroughUs.low || message.completeThroughUs.high : message.completeThroughUs !== 0))
                    writer.uint32(128).int64(message.completeThroughUs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GatewayStatus.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.GatewayStatus();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.gateway = value;
                            else
                                delete message.gateway;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.site = value;
                            else
                                delete message.site;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.state = value;
                            else
                                delete message.state;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.boot = value;
                            else
                                delete message.boot;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lastSeq = value;
                            else
                                delete message.lastSeq;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.outboxReadings = value;
                            else
                                delete message.outboxReadings;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.outboxBytes = value;
                            else
                                delete message.outboxBytes;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.dropped = value;
                            else
                                delete message.dropped;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.clock = value;
                            else
                                delete message.clock;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.clockOffsetMs = value;
                            else
                                delete message.clockOffsetMs;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 1)
                                break;
                            message.lat = reader.double();
                            message._lat = "lat";
                            continue;
                        }
                    case 13: {
                            if (wireType !== 1)
                                break;
                            message.lon = reader.double();
                            message._lon = "lon";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.atUs = value;
                            else
                                delete message.atUs;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if (!(message.unsent && message.unsent.length))
                                message.unsent = [];
                            message.unsent.push($root.millrace.v1.SeqRange.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 16: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.completeThroughUs = value;
                            else
                                delete message.completeThroughUs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            GatewayStatus.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.GatewayStatus";
            };

            GatewayStatus.State = (function() {
                const valuesById = $Object.create(null), values = $Object.create(valuesById);
                values[valuesById[0] = "OFFLINE"] = 0;
                values[valuesById[1] = "ONLINE"] = 1;
                return values;
            })();

            return GatewayStatus;
        })();

        v1.ZonePartBatch = (function() {

            const ZonePartBatch = function (properties) {
                this.parts = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ZonePartBatch.prototype.site = "";
            ZonePartBatch.prototype.zone = "";
            ZonePartBatch.prototype.metric = "";
            ZonePartBatch.prototype.unit = "";
            ZonePartBatch.prototype.source = 0;
            ZonePartBatch.prototype.parts = $util.emptyArray;
            ZonePartBatch.prototype.settledThroughUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            ZonePartBatch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.site != null && $Object.hasOwnProperty.call(message, "site") && message.site !== "")
                    writer.uint32(10).string(message.site);
                if (message.zone != null && $Object.hasOwnProperty.call(message, "zone") && message.zone !== "")
                    writer.uint32(18).string(message.zone);
                if (message.metric != null && $Object.hasOwnProperty.call(message, "metric") && message.metric !== "")
                    writer.uint32(26).string(message.metric);
                if (message.unit != null && $Object.hasOwnProperty.call(message, "unit") && message.unit !== "")
                    writer.uint32(34).string(message.unit);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== 0)
                    writer.uint32(40).uint32(message.source);
                if (message.parts != null && message.parts.length)
                    for (let i = 0; i < message.parts.length; ++i)
                        $root.millrace.v1.ZonePart.encode(message.parts[i], writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.settledThroughUs != null && $Object.hasOwnProperty.call(message, "settledThroughUs") && (typeof message.settledThroughUs === "object" ? message.settledThroughUs.low || message.settledThroughUs.high : message.settledThroughUs !== 0))
                    writer.uint32(56).sint64(message.settledThroughUs);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ZonePartBatch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.ZonePartBatch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.site = value;
                            else
                                delete message.site;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.zone = value;
                            else
                                delete message.zone;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.metric = value;
                            else
                                delete message.metric;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.unit = value;
                            else
                                delete message.unit;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.parts && message.parts.length))
                                message.parts = [];
                            message.parts.push($root.millrace.v1.ZonePart.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.settledThroughUs = value;
                            else
                                delete message.settledThroughUs;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            ZonePartBatch.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.ZonePartBatch";
            };

            return ZonePartBatch;
        })();

        v1.ZonePart = (function() {

            const ZonePart = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ZonePart.prototype.startUs = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ZonePart.prototype.sensors = 0;
            ZonePart.prototype.sensorsExpected = 0;
            ZonePart.prototype.count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ZonePart.prototype.expected = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ZonePart.prototype.mean = 0;
            ZonePart.prototype.meanOfMeans = 0;
            ZonePart.prototype.min = 0;
            ZonePart.prototype.max = 0;
            ZonePart.prototype.sketch = $util.newBuffer([]);
            ZonePart.prototype.revision = 0;
            ZonePart.prototype.final = false;

            ZonePart.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.startUs != null && $Object.hasOwnProperty.call(message, "startUs") && (typeof message.startUs === "object" ? message.startUs.low || message.startUs.high : message.startUs !== 0))
                    writer.uint32(8).sint64(message.startUs);
                if (message.sensors != null && $Object.hasOwnProperty.call(message, "sensors") && message.sensors !== 0)
                    writer.uint32(16).uint32(message.sensors);
                if (message.sensorsExpected != null && $Object.hasOwnProperty.call(message, "sensorsExpected") && message.sensorsExpected !== 0)
                    writer.uint32(24).uint32(message.sensorsExpected);
                if (message.count != null && $Object.hasOwnProperty.call(message, "count") && (typeof message.count === "object" ? message.count.low || message.count.high : message.count !== 0))
                    writer.uint32(32).uint64(message.count);
                if (message.expected != null && $Object.hasOwnProperty.call(message, "expected") && (typeof message.expected === "object" ? message.expected.low || message.expected.high : message.expected !== 0))
                    writer.uint32(40).uint64(message.expected);
                if (message.mean != null && $Object.hasOwnProperty.call(message, "mean") && !$Object.is(message.mean, 0))
                    writer.uint32(49).double(message.mean);
                if (message.meanOfMeans != null && $Object.hasOwnProperty.call(message, "meanOfMeans") && !$Object.is(message.meanOfMeans, 0))
                    writer.uint32(57).double(message.meanOfMeans);
                if (message.min != null && $Object.hasOwnProperty.call(message, "min") && !$Object.is(message.min, 0))
                    writer.uint32(65).double(message.min);
                if (message.max != null && $Object.hasOwnProperty.call(message, "max") && !$Object.is(message.max, 0))
                    writer.uint32(73).double(message.max);
                if (message.sketch != null && $Object.hasOwnProperty.call(message, "sketch") && message.sketch.length)
                    writer.uint32(82).bytes(message.sketch);
                if (message.revision != null && $Object.hasOwnProperty.call(message, "revision") && message.revision !== 0)
                    writer.uint32(88).uint32(message.revision);
                if (message.final != null && $Object.hasOwnProperty.call(message, "final") && message.final !== false)
                    writer.uint32(96).bool(message.final);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ZonePart.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.ZonePart();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.startUs = value;
                            else
                                delete message.startUs;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.sensors = value;
                            else
                                delete message.sensors;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.sensorsExpected = value;
                            else
                                delete message.sensorsExpected;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.count = value;
                            else
                                delete message.count;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.expected = value;
                            else
                                delete message.expected;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.mean = value;
                            else
                                delete message.mean;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.meanOfMeans = value;
                            else
                                delete message.meanOfMeans;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.min = value;
                            else
                                delete message.min;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.max = value;
                            else
                                delete message.max;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.sketch = value;
                            else
                                delete message.sketch;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.revision = value;
                            else
                                delete message.revision;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.final = value;
                            else
                                delete message.final;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            ZonePart.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.ZonePart";
            };

            return ZonePart;
        })();

        v1.ZoneStatsBatch = (function() {

            const ZoneStatsBatch = function (properties) {
                this.startUs = [];
                this.sensors = [];
                this.sensorsExpected = [];
                this.count = [];
                this.expected = [];
                this.mean = [];
                this.meanOfMeans = [];
                this.min = [];
                this.max = [];
                this.p50 = [];
                this.p95 = [];
                this.p99 = [];
                this.revision = [];
                this.final = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ZoneStatsBatch.prototype.site = "";
            ZoneStatsBatch.prototype.zone = "";
            ZoneStatsBatch.prototype.metric = "";
            ZoneStatsBatch.prototype.unit = "";
            ZoneStatsBatch.prototype.window = "";
            ZoneStatsBatch.prototype.startUs = $util.emptyArray;
            ZoneStatsBatch.prototype.sensors = $util.emptyArray;
            ZoneStatsBatch.prototype.sensorsExpected = $util.emptyArray;
            ZoneStatsBatch.prototype.count = $util.emptyArray;
            ZoneStatsBatch.prototype.expected = $util.emptyArray;
            ZoneStatsBatch.prototype.mean = $util.emptyArray;
            ZoneStatsBatch.prototype.meanOfMeans = $util.emptyArray;
            ZoneStatsBatch.prototype.min = $util.emptyArray;
            ZoneStatsBatch.prototype.max = $util.emptyArray;
            ZoneStatsBatch.prototype.p50 = $util.emptyArray;
            ZoneStatsBatch.prototype.p95 = $util.emptyArray;
            ZoneStatsBatch.prototype.p99 = $util.emptyArray;
            ZoneStatsBatch.prototype.revision = $util.emptyArray;
            ZoneStatsBatch.prototype.final = $util.emptyArray;

            ZoneStatsBatch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.site != null && $Object.hasOwnProperty.call(message, "site") && message.site !== "")
                    writer.uint32(10).string(message.site);
                if (message.zone != null && $Object.hasOwnProperty.call(message, "zone") && message.zone !== "")
                    writer.uint32(18).string(message.zone);
                if (message.metric != null && $Object.hasOwnProperty.call(message, "metric") && message.metric !== "")
                    writer.uint32(26).string(message.metric);
                if (message.unit != null && $Object.hasOwnProperty.call(message, "unit") && message.unit !== "")
                    writer.uint32(34).string(message.unit);
                if (message.window != null && $Object.hasOwnProperty.call(message, "window") && message.window !== "")
                    writer.uint32(42).string(message.window);
                if (message.startUs != null && message.startUs.length)
                    writer.uint32(50).sint64s(message.startUs);
                if (message.sensors != null && message.sensors.length)
                    writer.uint32(58).uint32s(message.sensors);
                if (message.sensorsExpected != null && message.sensorsExpected.length)
                    writer.uint32(66).uint32s(message.sensorsExpected);
                if (message.count != null && message.count.length)
                    writer.uint32(74).uint64s(message.count);
                if (message.expected != null && message.expected.length)
                    writer.uint32(82).uint64s(message.expected);
                if (message.mean != null && message.mean.length)
                    writer.uint32(90).doubles(message.mean);
                if (message.meanOfMeans != null && message.meanOfMeans.length)
                    writer.uint32(98).doubles(message.meanOfMeans);
                if (message.min != null && message.min.length)
                    writer.uint32(106).doubles(message.min);
                if (message.max != null && message.max.length)
                    writer.uint32(114).doubles(message.max);
                if (message.p50 != null && message.p50.length)
                    writer.uint32(122).doubles(message.p50);
                if (message.p95 != null && message.p95.length)
                    writer.uint32(130).doubles(message.p95);
                if (message.p99 != null && message.p99.length)
                    writer.uint32(138).doubles(message.p99);
                if (message.revision != null && message.revision.length)
                    writer.uint32(146).uint32s(message.revision);
                if (message.final != null && message.final.length)
                    writer.uint32(154).bools(message.final);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ZoneStatsBatch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.millrace.v1.ZoneStatsBatch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.site = value;
                            else
                                delete message.site;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.zone = value;
                            else
                                delete message.zone;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.metric = value;
                            else
                                delete message.metric;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.unit = value;
                            else
                                delete message.unit;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.window = value;
                            else
                                delete message.window;
                            continue;
                        }
                    case 6: {
                            if (wireType === 2) {
                                if (!(message.startUs && message.startUs.length))
                                    message.startUs = [];
                                reader.sint64s(message.startUs);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.startUs && message.startUs.length))
                                message.startUs = [];
                            message.startUs.push(reader.sint64());
                            continue;
                        }
                    case 7: {
                            if (wireType === 2) {
                                if (!(message.sensors && message.sensors.length))
                                    message.sensors = [];
                                reader.uint32s(message.sensors);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.sensors && message.sensors.length))
                                message.sensors = [];
                            message.sensors.push(reader.uint32());
                            continue;
                        }
                    case 8: {
                            if (wireType === 2) {
                                if (!(message.sensorsExpected && message.sensorsExpected.length))
                                    message.sensorsExpected = [];
                                reader.uint32s(message.sensorsExpected);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.sensorsExpected && message.sensorsExpected.length))
                                message.sensorsExpected = [];
                            message.sensorsExpected.push(reader.uint32());
                            continue;
                        }
                    case 9: {
                            if (wireType === 2) {
                                if (!(message.count && message.count.length))
                                    message.count = [];
                                reader.uint64s(message.count);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.count && message.count.length))
                                message.count = [];
                            message.count.push(reader.uint64());
                            continue;
                        }
                    case 10: {
                            if (wireType === 2) {
                                if (!(message.expected && message.expected.length))
                                    message.expected = [];
                                reader.uint64s(message.expected);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.expected && message.expected.length))
                                message.expected = [];
                            message.expected.push(reader.uint64());
                            continue;
                        }
                    case 11: {
                            if (wireType === 2) {
                                if (!(message.mean && message.mean.length))
                                    message.mean = [];
                                reader.doubles(message.mean);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.mean && message.mean.length))
                                message.mean = [];
                            message.mean.push(reader.double());
                            continue;
                        }
                    case 12: {
                            if (wireType === 2) {
                                if (!(message.meanOfMeans && message.meanOfMeans.length))
                                    message.meanOfMeans = [];
                                reader.doubles(message.meanOfMeans);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.meanOfMeans && message.meanOfMeans.length))
                                message.meanOfMeans = [];
                            message.meanOfMeans.push(reader.double());
                            continue;
                        }
                    case 13: {
                            if (wireType === 2) {
                                if (!(message.min && message.min.length))
                                    message.min = [];
                                reader.doubles(message.min);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.min && message.min.length))
                                message.min = [];
                            message.min.push(reader.double());
                            continue;
                        }
                    case 14: {
                            if (wireType === 2) {
                                if (!(message.max && message.max.length))
                                    message.max = [];
                                reader.doubles(message.max);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.max && message.max.length))
                                message.max = [];
                            message.max.push(reader.double());
                            continue;
                        }
                    case 15: {
                            if (wireType === 2) {
                                if (!(message.p50 && message.p50.length))
                                    message.p50 = [];
                                reader.doubles(message.p50);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p50 && message.p50.length))
                                message.p50 = [];
                            message.p50.push(reader.double());
                            continue;
                        }
                    case 16: {
                            if (wireType === 2) {
                                if (!(message.p95 && message.p95.length))
                                    message.p95 = [];
                                reader.doubles(message.p95);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p95 && message.p95.length))
                                message.p95 = [];
                            message.p95.push(reader.double());
                            continue;
                        }
                    case 17: {
                            if (wireType === 2) {
                                if (!(message.p99 && message.p99.length))
                                    message.p99 = [];
                                reader.doubles(message.p99);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.p99 && message.p99.length))
                                message.p99 = [];
                            message.p99.push(reader.double());
                            continue;
                        }
                    case 18: {
                            if (wireType === 2) {
                                if (!(message.revision && message.revision.length))
                                    message.revision = [];
                                reader.uint32s(message.revision);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.revision && message.revision.length))
                                message.revision = [];
                            message.revision.push(reader.uint32());
                            continue;
                        }
                    case 19: {
                            if (wireType === 2) {
                                if (!(message.final && message.final.length))
                                    message.final = [];
                                reader.bools(message.final);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.final && message.final.length))
                                message.final = [];
                            message.final.push(reader.bool());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            ZoneStatsBatch.getTypeUrl = function(prefix) {
                if (prefix === $undefined)
                    prefix = "type.googleapis.com";
                return prefix + "/millrace.v1.ZoneStatsBatch";
            };

            return ZoneStatsBatch;
        })();

        return v1;
    })();

    return millrace;
})();

export {
  $root as default
};
