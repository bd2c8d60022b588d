// What a vendor, a buyer and the vendor's application do, with the client that
// openapi-generator makes for Go. tests/clients/main.rs sets the environment.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/client/keywright"
)

// done ends the program with an error.
func done[T any](value T, err error) T { return must(value, nil, err) }

// must ends the program with an error.
func must[T any](value T, answer *http.Response, err error) T {
	if err != nil {
		body := []byte{}
		if answer != nil {
			body, _ = io.ReadAll(answer.Body)
		}
		log.Fatalf("%v: %s", err, body)
	}
	return value
}

func check(holds bool, what any) {
	if !holds {
		log.Fatalf("%+v", what)
	}
}

func bearer(token string) context.Context {
	return context.WithValue(context.Background(), keywright.ContextAccessToken, token)
}

func main() {
	log.SetFlags(log.Lshortfile)
	content := os.Getenv("KEYWRIGHT_CONTENT")
	var publication keywright.Publication
	if err := json.Unmarshal([]byte(os.Getenv("KEYWRIGHT_PUBLICATION")), &publication); err != nil {
		log.Fatal(err)
	}
	slug, version, file := publication.Product, publication.Version, publication.Files[0]
	configuration := keywright.NewConfiguration()
	configuration.Servers = keywright.ServerConfigurations{{URL: os.Getenv("KEYWRIGHT_BASE_URL")}}
	client := keywright.NewAPIClient(configuration)
	operator, everybody := bearer(os.Getenv("KEYWRIGHT_ADMIN_KEY")), context.Background()

	input := keywright.NewProductInput("A product", slug)
	input.SetPriceSats(1000)
	product := must(client.ProductsAPI.CreateProduct(operator).ProductInput(*input).Execute())
	check(product.Slug == slug, product)
	new := keywright.NewUploadInput(slug, file.Sha256, int64(len(content)))
	upload := must(client.ReleasesAPI.StartUpload(operator).UploadInput(*new).Execute())
	part := done(os.CreateTemp("", "part"))
	defer os.Remove(part.Name())
	done(part.WriteString(content))
	done(part.Seek(0, io.SeekStart))
	upload = must(client.ReleasesAPI.UploadPart(operator, upload.GetId()).Offset(upload.Offset).Body(part).Execute())
	check(upload.Complete, upload)
	published := must(client.ReleasesAPI.PublishRelease(operator).Publication(publication).Execute())
	check(published.Release.Version == version, published)

	wanted := keywright.NewPurchaseOrder(slug)
	wanted.SetBuyerEmail("ana@example.com")
	key := "order-of-" + slug + "-1234"
	order := must(client.BuyingAPI.CreateOrder(everybody).IdempotencyKey(key).PurchaseOrder(*wanted).Execute())
	payment, _ := json.Marshal(map[string]string{"invoice": order.BtcpayInvoiceId, "how": "full"})
	control := os.Getenv("KEYWRIGHT_CONTROL_URL") + "/_control/pay"
	if _, err := http.Post(control, "application/json", bytes.NewReader(payment)); err != nil {
		log.Fatal(err)
	}
	progress := must(client.BuyingAPI.GetOrder(everybody, order.InvoiceId).Execute())
	for until := time.Now().Add(20 * time.Second); progress.Status != "settled"; {
		check(time.Now().Before(until), progress)
		time.Sleep(100 * time.Millisecond)
		progress = must(client.BuyingAPI.GetOrder(everybody, order.InvoiceId).Execute())
	}

	validate := func(key string) *keywright.ValidateAnswer {
		request := keywright.NewValidateRequest(key)
		request.SetProductSlug(slug)
		request.SetFingerprint("a machine")
		return must(client.LicensesAPI.ValidateLicense(everybody).ValidateRequest(*request).Execute())
	}
	check(validate(progress.GetLicenseKey()).Ok, "the key is valid")
	refused := validate("LIC1-AAAA-BBBB")
	check(!refused.Ok && refused.GetReason() == "bad_format", refused)

	_, answer, _ := client.ReleasesAPI.DownloadRelease(everybody, slug, version, file.Platform).Execute()
	check(answer != nil && answer.StatusCode == 401, answer)
	download := client.ReleasesAPI.DownloadRelease(bearer(progress.GetToken()), slug, version, file.Platform)
	downloaded := must(download.Execute())
	defer os.Remove(downloaded.Name())
	body := done(os.ReadFile(downloaded.Name()))
	check(string(body) == content, "the bytes")
	fmt.Println("bought, validated, published, downloaded")
}
