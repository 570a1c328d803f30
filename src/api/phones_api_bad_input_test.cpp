#include "api/phones_api_test.h"

// What clients send wrongly: refused as a whole, with the field at fault and what was expected.
namespace lamplighter::api {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

const std::string kAor = "101@example.com";

class PhonesApiBadInput : public PhonesApiTest {
 protected:
  PhonesApiBadInput() { bind(kAor, "sip:101@192.0.2.7:5060"); }

  /// Expects this problem, and that no key was changed.
  void refused(const HttpReply& reply, unsigned status, std::string_view field, std::string_view detail) {
    SCOPED_TRACE(reply.body);
    EXPECT_EQ(reply.status, status);
    ASSERT_EQ(reply.content_type, "application/problem+json");
    auto problem = boost::json::parse(reply.body).as_object();
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(std::string(problem["field"].as_string()), field);
    EXPECT_THAT(std::string(problem["detail"].as_string()), HasSubstr(std::string(detail)));
    EXPECT_EQ(phones_.phones(), 0u);
  }
  void key_refused(std::string_view body, std::string_view field, std::string_view detail) {
    refused(put("/v1/phones/101/keys/2", body), 400, field, detail);
  }
  void keyboard_refused(std::string_view body, std::string_view field, std::string_view detail) {
    refused(put("/v1/phones/101/keys", body), 400, field, detail);
  }
};

TEST_F(PhonesApiBadInput, BodiesThatAreNotJson) {
  key_refused("", "body", R"(the body is empty, expected JSON like {"light":"on")");
  key_refused("on", "body", "the body is not JSON: syntax error at line 1, byte 1");
  key_refused("{\n \"light\": on}", "body", "syntax error at line 2, byte 11");
  key_refused(R"({"light":"on"}x)", "body", "the body is not JSON: extra data at line 1, byte 15");
  key_refused(R"({"light":"on"}{"light":"off"})", "body", "extra data");
  key_refused(R"({"light":"on",})", "body", "syntax error at line 1, byte 15");
  key_refused(R"({'light':'on'})", "body", "syntax error");
  key_refused(R"({"light":"on"/**/})", "body", "syntax error");
  key_refused(R"({"light":"o)", "body", "the body ends in the middle of the JSON (line 1, byte 12)");
  key_refused(R"({"light":"on","label":"\ud800"})", "body", "the body is not JSON");
  key_refused("light=on", "body", "the body is not JSON");
  key_refused("\xef\xbb\xbf{\"light\":\"on\"}", "body", "syntax error at line 1, byte 1");
  key_refused(std::string("{\"light\":\"on\"}\0", 15), "body", "extra data");
}

TEST_F(PhonesApiBadInput, TextThatIsNotUtf8) {
  for (auto bytes : {"\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80"}) {
    key_refused(std::string(R"({"light":"on","label":")") + bytes + R"("})", "body", "the body is not JSON");
  }
}

TEST_F(PhonesApiBadInput, BodiesOfTheWrongType) {
  key_refused("[]", "body", R"(the body is an array, expected an object like {"light":"on")");
  key_refused("null", "body", "the body is null");
  key_refused("12", "body", "the body is a number");
  key_refused(R"("on")", "body", "the body is a string");
  key_refused("{}", "light",
              "light is missing, expected one of off on hold pickup park message offline error seized record");
  key_refused(R"({"light":true})", "light", "light is true, expected one of off on hold");
  key_refused(R"({"light":null})", "light", "light is null");
  key_refused(R"({"light":1})", "light", "light is a number");
  key_refused(R"({"light":{"light":"on"}})", "light", "light is an object");
  key_refused(R"({"light":"on","color":["red"]})", "color",
              "color is an array, expected one of red green orange local remote");
  key_refused(R"({"light":"on","label":5})", "label", "label is a number, expected a string");
  key_refused(R"({"light":"on","number":432})", "number", "number is a number, expected a string");
  key_refused(R"({"light":"on","action":false})", "action", "action is false, expected one of invite message toggle");
}

TEST_F(PhonesApiBadInput, UnknownWords) {
  key_refused(R"({"light":"blink"})", "light", "unknown light \"blink\", expected one of off on hold pickup park");
  key_refused(R"({"light":"On"})", "light", "unknown light \"On\"");
  key_refused(R"({"light":"on","color":"blue"})", "color", "unknown color \"blue\", expected one of red green orange");
  key_refused(R"({"light":"on","action":"dial"})", "action",
              "unknown action \"dial\", expected one of invite message toggle");
  key_refused(R"({"light":"on","colour":"red"})", "colour",
              "unknown member \"colour\", expected light, color, label, number or action");
  // What is echoed does no harm and stays short.
  key_refused(R"({"light":"\u001b[2J\u009b"})", "light", "unknown light \"?[2J??\"");
  auto longest = put("/v1/phones/101/keys/2", R"({"light":"on",")" + std::string(500'000, 'x') + R"(":1})");
  EXPECT_LT(longest.body.size(), 500u);
  EXPECT_THAT(longest.body, HasSubstr("xxx…"));
}

TEST_F(PhonesApiBadInput, MembersThatStandTwice) {
  key_refused(R"({"light":"on","color":"red","light":"off"})", "light",
              "the member \"light\" stands twice in its object (line 1, byte ");
  key_refused(R"({"light":"on","\u006cight":"off"})", "light", "the member \"light\" stands twice");
  keyboard_refused(R"({"keys":{"2":{"light":"on"},"2":{"light":"off"}}})", "keys.2", "the member \"2\" stands twice");
  keyboard_refused(R"({"keys":{"1":{"light":"on"},"2":{"light":"on","light":"on"}}})", "keys.2.light", "stands twice");
}

TEST_F(PhonesApiBadInput, TextWithControlCharactersOrTooLong) {
  key_refused(R"({"light":"on","label":"a\r\nc=off"})", "label",
              "label: control character 0x0d at byte 2, expected text without control characters");
  key_refused(R"({"light":"on","label":"\u0000"})", "label", "label: control character 0x00");
  key_refused(R"({"light":"on","number":"43\t2"})", "number", "number: control character 0x09");
  key_refused(R"({"light":"on","label":"\u0085"})", "label", "label: control character");
  key_refused(R"({"light":"on","label":")" + std::string(257, 'x') + R"("})", "label",
              "label: 257 bytes, expected at most 256");
  EXPECT_EQ(put("/v1/phones/101/keys/2", R"({"light":"on","label":")" + std::string(256, 'x') + R"("})").status, 200u);
}

TEST_F(PhonesApiBadInput, Keyboards) {
  keyboard_refused("{}", "keys", R"(keys is missing, expected {"keys":{"1":{"light":"on"}}})");
  keyboard_refused(R"({"light":"on"})", "light", "unknown member \"light\", expected keys");
  keyboard_refused(R"({"keys":{},"replace":true})", "replace", "unknown member \"replace\"");
  keyboard_refused(R"({"keys":[{"light":"on"}]})", "keys", "keys is an array, expected an object of keys by name");
  keyboard_refused(R"({"keys":{"1":"on"}})", "keys.1", R"(keys.1 is a string, expected an object like {"light":"on"})");
  keyboard_refused(R"({"keys":{"1":{"light":"on"},"2":{"light":"blink"}}})", "keys.2.light",
                   "key 2: unknown light \"blink\"");
  keyboard_refused(R"({"keys":{"1":{"light":"on"},"2":{}}})", "keys.2.light", "key 2: light is missing");
  keyboard_refused(R"({"keys":{"P 1":{"light":"on"}}})", "keys.P 1", "key \"P 1\": expected a key name of 1 to 32");
  keyboard_refused(R"({"keys":{"":{"light":"on"}}})", "keys.", "key \"\": expected a key name");
}

TEST_F(PhonesApiBadInput, KeysThatCannotBe) {
  const std::string body = R"({"light":"on"})";
  refused(put("/v1/phones/101/keys/a%20b", body), 400, "key", "key \"a b\": expected a key name of 1 to 32 letters");
  refused(put("/v1/phones/101/keys/a%2Fb", body), 400, "key", "key \"a/b\"");
  refused(put("/v1/phones/101/keys/" + std::string(33, '1'), body), 400, "key", "expected a key name of 1 to 32");
  refused(ask("DELETE", "/v1/phones/101/keys/%22"), 400, "key", "expected a key name");
  EXPECT_EQ(put("/v1/phones/101/keys/", body).status, 404u);
}

TEST_F(PhonesApiBadInput, KeysBeyondTheModels) {
  refused(put("/v1/phones/101/keys/139", R"({"light":"on"})"), 422, "key", "a snom370 has keys 1 to 138");
  refused(put("/v1/phones/101/keys/0", R"({"light":"on"})"), 422, "key", "a snom370 has keys 1 to 138");
  refused(put("/v1/phones/101/keys", R"({"keys":{"1":{"light":"on"},"500":{"light":"on"}}})"), 422, "keys.500",
          "a snom370 has keys 1 to 138");
}

TEST_F(PhonesApiBadInput, TenThousandKeys) {
  for (auto prefix : {"", "lamp"}) {
    std::string body = R"({"keys":{)";
    for (int i = 1; i <= 10'000; ++i) {
      body += (i > 1 ? ",\"" : "\"") + std::string(prefix) + std::to_string(i) + R"(":{"light":"on"})";
    }
    auto reply = put("/v1/phones/101/keys", body + "}}");
    EXPECT_EQ(reply.status, 422u);
    EXPECT_THAT(reply.body, HasSubstr("138")) << "the limit is named";
    EXPECT_EQ(phones_.phones(), 0u);
  }
}

TEST_F(PhonesApiBadInput, ABodyOfMoreThanAMegabyteIs413) {
  auto reply = put("/v1/phones/101/keys/2", R"({"light":"on","label":")" + std::string(1024 * 1024, 'x') + R"("})");
  EXPECT_EQ(reply.status, 413u);
  EXPECT_THAT(reply.body, HasSubstr("the body is larger than 1048576 bytes"));
}

TEST_F(PhonesApiBadInput, NestingBombs) {
  for (auto open : {"[", R"({"keys":)", R"({"a":[)"}) {
    std::string bomb;
    while (bomb.size() < 500'000) bomb += open;
    key_refused(bomb, "body", "the body is nested more than 8 levels deep");
  }
  keyboard_refused(R"({"keys":{"1":{"light":[[[[[[[["on"]]]]]]]]}}})", "body", "nested more than 8 levels deep");
  std::string wide = "[0";
  while (wide.size() < 1'000'000) wide += ",0";
  key_refused(wide + "]", "body", "the body is an array");
}

TEST_F(PhonesApiBadInput, UnknownPhones) {
  const std::string body = R"({"light":"on"})";
  refused(put("/v1/phones/999/keys/2", body), 404, "phone", "there is no phone \"999\": nothing is registered as");
  refused(put("/v1/phones/999/keys", R"({"keys":{}})"), 404, "phone", "there is no phone \"999\"");
  refused(ask("DELETE", "/v1/phones/999/keys/2"), 404, "phone", "there is no phone \"999\"");
  refused(get("/v1/phones/999"), 404, "phone", "there is no phone \"999\"");
  refused(put("/v1/phones/101@elsewhere.example/keys/2?create=yes", body), 404, "phone",
          "\"101@elsewhere.example\" is no phone here, expected a user or user@domain of this server");
  refused(put("/v1/phones/" + std::string(256, '1') + "/keys/2?create=yes", body), 400, "phone",
          "has 256 bytes, expected at most 255");
  refused(ask("DELETE", "/v1/phones/999/keys/2?create=yes"), 400, "create", "unknown parameter \"create\"");
  EXPECT_EQ(put("/v1/phones/999/keys/2?create=yes", body).status, 200u);
}

TEST_F(PhonesApiBadInput, WaitsThatAreTooLongOrNoTime) {
  for (auto wait : {"1y",  "365d", "31536000s", "61s",     "2m",   "60001ms", "99999999999999999999s",
                    "0s",  "0ms",  "-1s",       "2",       "",     "s",       "2%20s",
                    "2h",  "1.5s", "2sec",      "forever", "0x2s", "2s,3s",   "%ff",
                    "1e9s"}) {
    for (auto target : {"/v1/phones/101/keys/2", "/v1/phones/101/keys"}) {
      auto reply = put(std::string(target) + "?wait=" + wait, R"({"light":"on"})");
      EXPECT_EQ(reply.status, 400u) << wait;
      EXPECT_THAT(reply.body, HasSubstr(R"("field":"wait")")) << wait;
      EXPECT_THAT(reply.body, AnyOf(HasSubstr("expected a time like 2s or 500ms, more than 0 and at most 60s"),
                                    HasSubstr("not UTF-8")));
    }
  }
  EXPECT_EQ(phones_.phones(), 0u);
}

TEST_F(PhonesApiBadInput, UnknownParameters) {
  const std::string body = R"({"light":"on"})";
  refused(put("/v1/phones/101/keys/2?wiat=2s", body), 400, "wiat",
          "unknown parameter \"wiat\", expected one of wait, create");
  refused(put("/v1/phones/101/keys/2?wait=2s&wait=3s", body), 400, "wait", "the parameter wait stands there twice");
  refused(put("/v1/phones/101/keys/2?create=no", body), 400, "create", "create is \"no\", expected yes");
  refused(put("/v1/phones/101/keys/2?create", body), 400, "create", "create is \"\", expected yes");
  refused(put("/v1/phones/101/keys/2?%ff=1", body), 400, "query", "unknown parameter");
  refused(put("/v1/phones/101/keys/2?&", body), 400, "", "unknown parameter");
  refused(ask("DELETE", "/v1/phones/101/keys/2?force=1"), 400, "force",
          "unknown parameter \"force\", expected one of wait");
  refused(get("/v1/phones/101?wait=2s"), 400, "wait", "unknown parameter \"wait\", expected none");
  refused(get("/v1/phones?page=2"), 400, "page", "unknown parameter \"page\", expected one of limit, after");
  for (auto limit : {"0", "1001", "-1", "ten", "", "1e2", "99999999999999999999", "10%20"}) {
    refused(get(std::string("/v1/phones?limit=") + limit), 400, "limit", "expected a whole number from 1 to 1000");
  }
  refused(get("/v1/phones?unconfirmed=yes"), 400, "unconfirmed", "expected true or false");
}

TEST_F(PhonesApiBadInput, OtherMethodsAre405) {
  auto reply = ask("POST", "/v1/phones/101/keys/2", "{}");
  EXPECT_EQ(reply.status, 405u);
  EXPECT_THAT(reply.body, HasSubstr("/v1/phones/101/keys/2 takes DELETE, GET, HEAD, PUT"));
  EXPECT_EQ(ask("DELETE", "/v1/phones/101").status, 405u);
  EXPECT_EQ(ask("PUT", "/v1/phones").status, 405u);
  EXPECT_EQ(ask("GET", "/v1/phones/101/keys").status, 405u);
}

}  // namespace
}  // namespace lamplighter::api
