using Ocellus.Transfer;

namespace Ocellus.Tests.Transfer;

public sealed class PolicyPullTests
{
    private const string There = "arn:aws:rekognition:eu-west-1:111122223333:project/parts/1700000000000";
    private const string Here = "arn:aws:rekognition:us-east-1:123456789012:project/mine/1800000000000";

    [Theory]
    [InlineData("eu-west-1:111122223333:project/parts/version/*", "us-east-1:123456789012:project/mine/version/*")]
    [InlineData("eu-west-1:111122223333:project/parts/1700000000000", "us-east-1:123456789012:project/mine/1700000000000")]
    [InlineData("eu-west-1:111122223333:project/parts2/version/*", "eu-west-1:111122223333:project/parts2/version/*")]
    [InlineData("eu-west-1:999999999999:project/parts/version/*", "eu-west-1:999999999999:project/parts/version/*")]
    public void A_policy_speaks_of_the_project_here(string resource, string expected)
    {
        static string Document(string resource) =>
            """{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Resource":["ARN","*"]},{"Resource":"ARN"},{"Effect":"Deny"}]}"""
                .Replace("ARN", "arn:aws:rekognition:" + resource, StringComparison.Ordinal);

        Assert.Equal(Document(expected), PolicyPull.Rewrite(Document(resource), There, Here));
        Assert.Null(PolicyPull.Rewrite("no json", There, Here));
        Assert.Null(PolicyPull.Rewrite("""{"Statement":{"Resource":[1]}}""", There, Here));
        Assert.Null(PolicyPull.Rewrite("[]", There, Here));
    }
}
