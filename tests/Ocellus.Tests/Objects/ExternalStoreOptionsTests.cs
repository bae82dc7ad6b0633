using System.ComponentModel.DataAnnotations;
using Ocellus.Objects.External;

namespace Ocellus.Tests.Objects;

public sealed class ExternalStoreOptionsTests
{
    [Theory]
    [InlineData("", "", "", null)]
    [InlineData("http://127.0.0.1:9000", "key", "secret", null)]
    [InlineData("https://s3.example.com/", "key", "secret", null)]
    [InlineData("http://127.0.0.1:9000", "", "secret", "Ocellus:S3:AccessKey")]
    [InlineData("http://127.0.0.1:9000", "key", "", "Ocellus:S3:SecretKey")]
    [InlineData("127.0.0.1:9000", "key", "secret", "Ocellus:S3:Endpoint is '127.0.0.1:9000'")]
    [InlineData("http://key:pass@127.0.0.1:9000", "key", "secret", "has a user or password")]
    [InlineData("ftp://127.0.0.1", "key", "secret", "http or https")]
    [InlineData("http://127.0.0.1:9000/bucket", "key", "secret", "without a path")]
    public void A_wrong_setting_is_named(string endpoint, string key, string secret, string? said)
    {
        var options = new ExternalStoreOptions { Endpoint = endpoint, AccessKey = key, SecretKey = secret };
        var mistakes = options.Validate(new ValidationContext(options)).Select(m => m.ErrorMessage!).ToList();
        Assert.Equal(said is null, mistakes.Count == 0);
        Assert.All(mistakes, m => Assert.Contains(said!, m, StringComparison.Ordinal));
    }
}
