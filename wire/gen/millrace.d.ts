import * as $protobuf from "protobufjs";
import Long = require("long");

export namespace millrace {

    namespace v1 {

        interface IAlert extends millrace.v1.Alert.$Properties {
        }

        class Alert {
            constructor(properties?: millrace.v1.Alert.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            gateway: string;
            sensor: string;
            metric: string;
            rule: string;
            severity: millrace.v1.Alert.Severity;
            state: millrace.v1.Alert.State;
            value: number;
            message: string;
            atUs: number;
            static encode(message: millrace.v1.Alert.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Alert & millrace.v1.Alert.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace Alert {
            interface $Properties {
                id?: (string|null);
                gateway?: (string|null);
                sensor?: (string|null);
                metric?: (string|null);
                rule?: (string|null);
                severity?: (millrace.v1.Alert.Severity|null);
                state?: (millrace.v1.Alert.State|null);
                value?: (number|null);
                message?: (string|null);
                atUs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.Alert.$Properties;

            enum Severity {
                INFO = 0,
                WARNING = 1,
                CRITICAL = 2
            }

            enum State {
                CLEARED = 0,
                RAISED = 1
            }
        }

        interface ICommand extends millrace.v1.Command.$Properties {
        }

        class Command {
            constructor(properties?: millrace.v1.Command.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            gateway: string;
            name: string;
            arguments: string;
            expiresUs: number;
            static encode(message: millrace.v1.Command.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Command & millrace.v1.Command.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace Command {
            interface $Properties {
                id?: (string|null);
                gateway?: (string|null);
                name?: (string|null);
                "arguments"?: (string|null);
                expiresUs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.Command.$Properties;
        }

        interface ICommandReply extends millrace.v1.CommandReply.$Properties {
        }

        class CommandReply {
            constructor(properties?: millrace.v1.CommandReply.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            gateway: string;
            ok: boolean;
            body: string;
            atUs: number;
            static encode(message: millrace.v1.CommandReply.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.CommandReply & millrace.v1.CommandReply.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace CommandReply {
            interface $Properties {
                id?: (string|null);
                gateway?: (string|null);
                ok?: (boolean|null);
                body?: (string|null);
                atUs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.CommandReply.$Properties;
        }

        interface IGatewayLedger extends millrace.v1.GatewayLedger.$Properties {
        }

        class GatewayLedger {
            constructor(properties?: millrace.v1.GatewayLedger.$Properties);
            $unknowns?: Uint8Array[];
            gateway: string;
            boot: number;
            atUs: number;
            lastSeq: number;
            counted: number;
            dropped: number;
            missing: number;
            holes: millrace.v1.SeqRange.$Properties[];
            static encode(message: millrace.v1.GatewayLedger.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GatewayLedger & millrace.v1.GatewayLedger.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace GatewayLedger {
            interface $Properties {
                gateway?: (string|null);
                boot?: (number|null);
                atUs?: (number|null);
                lastSeq?: (number|null);
                counted?: (number|null);
                dropped?: (number|null);
                missing?: (number|null);
                holes?: (millrace.v1.SeqRange.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.GatewayLedger.$Properties;
        }

        interface IReadingBatch extends millrace.v1.ReadingBatch.$Properties {
        }

        class ReadingBatch {
            constructor(properties?: millrace.v1.ReadingBatch.$Properties);
            $unknowns?: Uint8Array[];
            gateway: string;
            boot: number;
            firstSeq: number;
            series: millrace.v1.Series.$Properties[];
            seriesIndex: number[];
            timeUs: number[];
            value: number[];
            quality: number[];
            clock: millrace.v1.Clock;
            completeThroughUs: number;
            dropped: millrace.v1.Dropped.$Properties[];
            site: string;
            static encode(message: millrace.v1.ReadingBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ReadingBatch & millrace.v1.ReadingBatch.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace ReadingBatch {
            interface $Properties {
                gateway?: (string|null);
                boot?: (number|null);
                firstSeq?: (number|null);
                series?: (millrace.v1.Series.$Properties[]|null);
                seriesIndex?: (number[]|null);
                timeUs?: (number[]|null);
                value?: (number[]|null);
                quality?: (number[]|null);
                clock?: (millrace.v1.Clock|null);
                completeThroughUs?: (number|null);
                dropped?: (millrace.v1.Dropped.$Properties[]|null);
                site?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.ReadingBatch.$Properties;
        }

        interface ISeries extends millrace.v1.Series.$Properties {
        }

        class Series {
            constructor(properties?: millrace.v1.Series.$Properties);
            $unknowns?: Uint8Array[];
            sensor: string;
            metric: string;
            unit: string;
            intervalMs: number;
            lat?: (number|null);
            lon?: (number|null);
            zone: string;
            static encode(message: millrace.v1.Series.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Series & millrace.v1.Series.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace Series {
            interface $Properties {
                sensor?: (string|null);
                metric?: (string|null);
                unit?: (string|null);
                intervalMs?: (number|null);
                lat?: (number|null);
                lon?: (number|null);
                zone?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.Series.$Properties;
        }

        enum Clock {
            UNSYNCED = 0,
            SYNCED = 1,
            CORRECTED = 2
        }

        interface IDropped extends millrace.v1.Dropped.$Properties {
        }

        class Dropped {
            constructor(properties?: millrace.v1.Dropped.$Properties);
            $unknowns?: Uint8Array[];
            firstSeq: number;
            lastSeq: number;
            reason: string;
            static encode(message: millrace.v1.Dropped.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.Dropped & millrace.v1.Dropped.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace Dropped {
            interface $Properties {
                firstSeq?: (number|null);
                lastSeq?: (number|null);
                reason?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.Dropped.$Properties;
        }

        interface ISeqRange extends millrace.v1.SeqRange.$Properties {
        }

        class SeqRange {
            constructor(properties?: millrace.v1.SeqRange.$Properties);
            $unknowns?: Uint8Array[];
            firstSeq: number;
            lastSeq: number;
            static encode(message: millrace.v1.SeqRange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.SeqRange & millrace.v1.SeqRange.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace SeqRange {
            interface $Properties {
                firstSeq?: (number|null);
                lastSeq?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.SeqRange.$Properties;
        }

        interface IStatsBatch extends millrace.v1.StatsBatch.$Properties {
        }

        class StatsBatch {
            constructor(properties?: millrace.v1.StatsBatch.$Properties);
            $unknowns?: Uint8Array[];
            gateway: string;
            site: string;
            series: millrace.v1.Series.$Properties[];
            window: string;
            seriesIndex: number[];
            startUs: number[];
            count: number[];
            expected: number[];
            mean: number[];
            min: number[];
            max: number[];
            stddev: number[];
            p50: number[];
            p95: number[];
            p99: number[];
            first: number[];
            last: number[];
            revision: number[];
            final: boolean[];
            rate: number[];
            static encode(message: millrace.v1.StatsBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.StatsBatch & millrace.v1.StatsBatch.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace StatsBatch {
            interface $Properties {
                gateway?: (string|null);
                site?: (string|null);
                series?: (millrace.v1.Series.$Properties[]|null);
                window?: (string|null);
                seriesIndex?: (number[]|null);
                startUs?: (number[]|null);
                count?: (number[]|null);
                expected?: (number[]|null);
                mean?: (number[]|null);
                min?: (number[]|null);
                max?: (number[]|null);
                stddev?: (number[]|null);
                p50?: (number[]|null);
                p95?: (number[]|null);
                p99?: (number[]|null);
                first?: (number[]|null);
                last?: (number[]|null);
                revision?: (number[]|null);
                final?: (boolean[]|null);
                rate?: (number[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.StatsBatch.$Properties;
        }

        interface IGatewayStatus extends millrace.v1.GatewayStatus.$Properties {
        }

        class GatewayStatus {
            constructor(properties?: millrace.v1.GatewayStatus.$Properties);
            $unknowns?: Uint8Array[];
            gateway: string;
            site: string;
            state: millrace.v1.GatewayStatus.State;
            version: string;
            boot: number;
            lastSeq: number;
            outboxReadings: number;
            outboxBytes: number;
            dropped: number;
            clock: millrace.v1.Clock;
            clockOffsetMs: number;
            lat?: (number|null);
            lon?: (number|null);
            atUs: number;
            unsent: millrace.v1.SeqRange.$Properties[];
            completeThroughUs: number;
            static encode(message: millrace.v1.GatewayStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.GatewayStatus & millrace.v1.GatewayStatus.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace GatewayStatus {
            interface $Properties {
                gateway?: (string|null);
                site?: (string|null);
                state?: (millrace.v1.GatewayStatus.State|null);
                version?: (string|null);
                boot?: (number|null);
                lastSeq?: (number|null);
                outboxReadings?: (number|null);
                outboxBytes?: (number|null);
                dropped?: (number|null);
                clock?: (millrace.v1.Clock|null);
                clockOffsetMs?: (number|null);
                lat?: (number|null);
                lon?: (number|null);
                atUs?: (number|null);
                unsent?: (millrace.v1.SeqRange.$Properties[]|null);
                completeThroughUs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.GatewayStatus.$Properties;

            enum State {
                OFFLINE = 0,
                ONLINE = 1
            }
        }

        interface IZonePartBatch extends millrace.v1.ZonePartBatch.$Properties {
        }

        class ZonePartBatch {
            constructor(properties?: millrace.v1.ZonePartBatch.$Properties);
            $unknowns?: Uint8Array[];
            site: string;
            zone: string;
            metric: string;
            unit: string;
            source: number;
            parts: millrace.v1.ZonePart.$Properties[];
            settledThroughUs: number;
            static encode(message: millrace.v1.ZonePartBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ZonePartBatch & millrace.v1.ZonePartBatch.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace ZonePartBatch {
            interface $Properties {
                site?: (string|null);
                zone?: (string|null);
                metric?: (string|null);
                unit?: (string|null);
                source?: (number|null);
                parts?: (millrace.v1.ZonePart.$Properties[]|null);
                settledThroughUs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.ZonePartBatch.$Properties;
        }

        interface IZonePart extends millrace.v1.ZonePart.$Properties {
        }

        class ZonePart {
            constructor(properties?: millrace.v1.ZonePart.$Properties);
            $unknowns?: Uint8Array[];
            startUs: number;
            sensors: number;
            sensorsExpected: number;
            count: number;
            expected: number;
            mean: number;
            meanOfMeans: number;
            min: number;
            max: number;
            sketch: Uint8Array;
            revision: number;
            final: boolean;
            static encode(message: millrace.v1.ZonePart.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ZonePart & millrace.v1.ZonePart.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace ZonePart {
            interface $Properties {
                startUs?: (number|null);
                sensors?: (number|null);
                sensorsExpected?: (number|null);
                count?: (number|null);
                expected?: (number|null);
                mean?: (number|null);
                meanOfMeans?: (number|null);
                min?: (number|null);
                max?: (number|null);
                sketch?: (Uint8Array|null);
                revision?: (number|null);
                final?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.ZonePart.$Properties;
        }

        interface IZoneStatsBatch extends millrace.v1.ZoneStatsBatch.$Properties {
        }

        class ZoneStatsBatch {
            constructor(properties?: millrace.v1.ZoneStatsBatch.$Properties);
            $unknowns?: Uint8Array[];
            site: string;
            zone: string;
            metric: string;
            unit: string;
            window: string;
            startUs: number[];
            sensors: number[];
            sensorsExpected: number[];
            count: number[];
            expected: number[];
            mean: number[];
            meanOfMeans: number[];
            min: number[];
            max: number[];
            p50: number[];
            p95: number[];
            p99: number[];
            revision: number[];
            final: boolean[];
            static encode(message: millrace.v1.ZoneStatsBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): millrace.v1.ZoneStatsBatch & millrace.v1.ZoneStatsBatch.$Shape;
            static getTypeUrl(prefix?: string): string;
        }

        namespace ZoneStatsBatch {
            interface $Properties {
                site?: (string|null);
                zone?: (string|null);
                metric?: (string|null);
                unit?: (string|null);
                window?: (string|null);
                startUs?: (number[]|null);
                sensors?: (number[]|null);
                sensorsExpected?: (number[]|null);
                count?: (number[]|null);
                expected?: (number[]|null);
                mean?: (number[]|null);
                meanOfMeans?: (number[]|null);
                min?: (number[]|null);
                max?: (number[]|null);
                p50?: (number[]|null);
                p95?: (number[]|null);
                p99?: (number[]|null);
                revision?: (number[]|null);
                final?: (boolean[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = millrace.v1.ZoneStatsBatch.$Properties;
        }
    }
}
