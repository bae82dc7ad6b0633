using Ocellus.Commands;

namespace Ocellus.Tests.Commands;

public sealed class ServeCommandTests
{
    [Theory]
    [InlineData("http://127.0.0.1:8741")]
    [InlineData("http://localhost:0")]
    [InlineData("http://[::1]:80;http://*:8741")]
    public void An_address_that_can_be_listened_on_is_taken(string urls) => Assert.Null(ServeCommand.Mistake(urls));

    [Theory]
    [InlineData("8741", "is not an address")]
    [InlineData("", "is empty")]
    [InlineData("https://127.0.0.1:8741", "https")]
    [InlineData("ftp://127.0.0.1:8741", "not an http address")]
    [InlineData("http://127.0.0.1:8741/api", "without a path")]
    [InlineData("http://127.0.0.1:99999", "port")]
    public void An_address_that_cannot_is_refused_with_what_would_be_right(string urls, string why) =>
        Assert.Contains(why, ServeCommand.Mistake(urls), StringComparison.Ordinal);
}
