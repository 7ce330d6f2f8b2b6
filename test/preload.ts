// Before every test file: block managers and other tables check their own integrity after each step.
process.env["DYNAMO_VERIFY"] = "1";
