// Requests with fetch in a class, without the SDK.
interface Page<T> {
  data: T[];
  page_info: { has_next_page: boolean; end_cursor: string | null };
}

const BASE = "https://api.whop.com/api/v1";

export class Api {
  constructor(private readonly key: string) {}

  private async get(path: string) {
    const response = await fetch(`${BASE}${path}`, { headers: { Authorization: `Bearer ${this.key}` } });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  async titles(companyId: string): Promise<string[]> {
    const page = await this.get(`/products?${new URLSearchParams({ company_id: companyId })}`);
    if (page.page_info.has_next_page) console.warn("more products");
    return page.data.map(({ title, visibility }) => (visibility === "visible" ? title : ""));
  }

  async createPlan(companyId: string, productId: string) {
    const response = await fetch(BASE + "/plans", {
      method: "POST",
      headers: { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" },
      body: JSON.stringify({ company_id: companyId, product_id: productId, initial_price: 10 }),
    });
    const { purchase_url, ...rest } = await response.json();
    return purchase_url;
  }
}
