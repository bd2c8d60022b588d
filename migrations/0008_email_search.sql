-- Addresses that were recorded before addresses were cleaned: `lower(trim(…))` may not be
-- the form in which they are compared. The operator's search reads these rows besides
-- those that `licenses_by_email` finds.
CREATE INDEX licenses_by_odd_email ON licenses (buyer_email)
  WHERE buyer_email GLOB '*[^-A-Za-z0-9@._+=&~]*' OR buyer_email GLOB '*[xX][nN]--*' OR buyer_email GLOB '*.';
