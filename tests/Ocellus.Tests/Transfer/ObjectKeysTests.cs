using System.Text;
using Ocellus.Transfer;

namespace Ocellus.Tests.Transfer;

public sealed class ObjectKeysTests
{
    [Theory]
    [InlineData("a.jpg", "p/a.jpg")]
    [InlineData("train/a b/😀 ü.JPG", "p/train/a b/😀 ü.JPG")]
    [InlineData("100%.png", "p/100%.png")]
    public void A_name_that_is_fine_stays(string name, string key) => Assert.Equal(key, ObjectKeys.Of("p", name));

    [Theory]
    [InlineData("../a.jpg")]
    [InlineData("a/./b.jpg")]
    [InlineData("a//b.jpg")]
    [InlineData("a\\b.jpg")]
    [InlineData("a\nb.jpg")]
    [InlineData("\ud800.jpg")]
    public void Another_name_gets_a_key_of_its_own_without_what_addresses_lose(string name)
    {
        var key = ObjectKeys.Of("p", name);
        Assert.StartsWith("p/", key, StringComparison.Ordinal);
        Assert.EndsWith(".jpg", key, StringComparison.Ordinal);
        Assert.All(key.Split('/'), part => Assert.False(part is "" or "." or ".."));
        Assert.DoesNotContain(key, c => char.IsControl(c) || c == '\\' || char.IsSurrogate(c));
        Assert.NotEqual(key, ObjectKeys.Of("p", key[2..].Replace('_', '-')));
    }

    [Fact]
    public void Names_that_would_become_the_same_do_not()
    {
        string[] names = ["a_b.jpg", "a\\b.jpg", "a\u0001b.jpg", "a\u0002b.jpg"];
        Assert.Equal(4, names.Select(n => ObjectKeys.Of("p", n)).Distinct().Count());
        var (one, other) = (new string('x', 2000) + "1.jpg", new string('x', 2000) + "2.jpg");
        Assert.NotEqual(ObjectKeys.Of("p", one), ObjectKeys.Of("p", other));
        Assert.InRange(Encoding.UTF8.GetByteCount(ObjectKeys.Of("p", string.Concat(Enumerable.Repeat("😀", 900)))), 700, 1024);
    }
}
