/** What an alert is about: a series, or a gateway as a whole, which has no sensor and no metric. */
import type { Alert } from '../../src/answers.ts';
import { linkTo, type Query, seriesPath } from '../app/location.ts';
import { seriesId } from '../data/city.ts';

const isOfGateway = ({ sensor, metric }: Alert): boolean => sensor === '' || metric === '';

export const subjectName = (alert: Alert): string =>
  isOfGateway(alert) ? `gateway ${alert.gateway}` : seriesId(alert);

export const subjectPath = (alert: Alert, query: Query = {}): string =>
  isOfGateway(alert) ? linkTo('/gateways', { q: alert.gateway }) : seriesPath(alert, query);
