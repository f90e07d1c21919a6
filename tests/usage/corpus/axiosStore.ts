// A typed store on axios: a generic get, an interceptor, and interfaces of the responses.
import axios, { AxiosInstance } from "axios";

interface Paged<T> {
  data: T[];
  page_info: { end_cursor: string | null };
}
interface Experience {
  id: string;
  name: string;
  app: { name: string };
}

export class Store {
  private http: AxiosInstance;

  constructor(token: string) {
    this.http = axios.create({
      baseURL: "https://api.whop.com/api/v1",
      headers: { Authorization: `Bearer ${token}` },
    });
    this.http.interceptors.response.use((response) => response);
  }

  private async fetch<T>(path: string, params?: Record<string, unknown>): Promise<T> {
    const response = await this.http.get<T>(path, { params });
    return response.data;
  }

  async experiences(companyId: string): Promise<Record<string, string>> {
    const page = await this.fetch<Paged<Experience>>("/experiences", { company_id: companyId, first: 50 });
    return Object.fromEntries(page.data.map((one) => [one.id, `${one.name} (${one.app.name})`]));
  }

  async productTitle(id: string) {
    const { title, headline } = await this.fetch<{ title: string; headline: string }>(`/products/${id}`);
    return headline ?? title;
  }

  async voidInvoice(id: string) {
    await this.http.post(`/invoices/${id}/void`);
  }
}
