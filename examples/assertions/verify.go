// Who sent this request? For a service behind djwto-server. It needs
// `go get github.com/golang-jwt/jwt/v5 github.com/MicahParks/keyfunc/v3`.
package assertions

import (
	"errors"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer   = "https://portal.example.com"
	audience = "models.example.com"
	keysURL  = "http://127.0.0.1:9901/.well-known/djwto-assertions.json"
)

// Verifier reads the keys once, and again in the background.
type Verifier struct{ keys keyfunc.Keyfunc }

// New fetches the public keys of the guard.
func New() (*Verifier, error) {
	keys, err := keyfunc.NewDefault([]string{keysURL})
	if err != nil {
		return nil, err
	}
	return &Verifier{keys}, nil
}

// UserOf returns the user's primary key, as text.
func (v *Verifier) UserOf(assertion string) (string, error) {
	token, err := jwt.Parse(assertion, v.keys.Keyfunc,
		jwt.WithValidMethods([]string{"EdDSA"}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired())
	if err != nil {
		return "", err
	}
	if token.Header["typ"] != "djwto-assertion+jwt" {
		return "", errors.New("expected an assertion")
	}
	return token.Claims.GetSubject()
}
