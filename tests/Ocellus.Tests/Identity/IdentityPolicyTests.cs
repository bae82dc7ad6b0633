using System.Net;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Wire;

namespace Ocellus.Tests.Identity;

public sealed class IdentityPolicyTests
{
    private const string One = "arn:aws:rekognition:us-east-1:123456789012:project/cells/version/one/1";
    private static readonly Caller Ann = new("123456789012", "us-east-1", "ann", "AKIA") { SourceAddress = IPAddress.Parse("203.0.113.7"), IsSecure = false };
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    // Nothing said is nothing allowed; a Deny wins wherever it stands.
    [InlineData("""{"Effect":"Allow","Action":"rekognition:DetectCustomLabels","Resource":"*"}""", "Silent")]
    [InlineData("""{"Effect":"Allow","Action":"rekognition:StopProjectVersion","Resource":"*"}""", "Allowed")]
    [InlineData("""{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"rekognition:Stop*","Resource":"*"}""", "Denied")]
    [InlineData("""{"Effect":"Deny","Action":"rekognition:Stop*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}""", "Denied")]
    // Actions are compared without case, resources with it.
    [InlineData("""{"Effect":"Allow","Action":"REKOGNITION:stopprojectVERSION","Resource":"*"}""", "Allowed")]
    [InlineData("""{"Effect":"Allow","Action":"rekognition:St?pProjectVersion","Resource":"*"}""", "Allowed")]
    [InlineData("""{"Effect":"Allow","Action":"*","Resource":"arn:aws:rekognition:us-east-1:123456789012:project/Cells/*"}""", "Silent")]
    [InlineData("""{"Effect":"Allow","Action":["s3:GetObject","rekognition:*"],"Resource":["arn:aws:s3:::a/*","arn:aws:rekognition:*:*:project/cells/version/o?e/*"]}""", "Allowed")]
    // All but.
    [InlineData("""{"Effect":"Allow","NotAction":"rekognition:Detect*","Resource":"*"}""", "Allowed")]
    [InlineData("""{"Effect":"Allow","NotAction":["rekognition:Stop*","rekognition:Start*"],"Resource":"*"}""", "Silent")]
    [InlineData("""{"Effect":"Deny","Action":"*","NotResource":"arn:aws:rekognition:*:*:project/cells/*"},{"Effect":"Allow","Action":"*","Resource":"*"}""", "Allowed")]
    [InlineData("""{"Effect":"Deny","Action":"*","NotResource":"arn:aws:rekognition:*:*:project/blood/*"},{"Effect":"Allow","Action":"*","Resource":"*"}""", "Denied")]
    public void Statements_speak_of_actions_and_resources(string statements, string verdict) => Assert.Equal(verdict, Verdict(statements));

    [Theory]
    [InlineData("""{"StringEquals":{"aws:username":"ann"}}""", true)]
    [InlineData("""{"StringEquals":{"AWS:UserName":["bob","ann"]}}""", true)]
    [InlineData("""{"StringEquals":{"aws:username":"Ann"}}""", false)]
    [InlineData("""{"StringEqualsIgnoreCase":{"aws:username":"Ann"}}""", true)]
    [InlineData("""{"StringNotEquals":{"aws:username":["bob","ann"]}}""", false)]
    [InlineData("""{"StringLike":{"aws:RequestedRegion":"us-*"}}""", true)]
    [InlineData("""{"StringNotLike":{"aws:RequestedRegion":["eu-*","ap-*"]}}""", true)]
    [InlineData("""{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/a*"}}""", true)]
    [InlineData("""{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/a*"}}""", false)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}""", true)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":"203.0.113.8"}}""", false)]
    [InlineData("""{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}""", false)]
    [InlineData("""{"Bool":{"aws:SecureTransport":"false"}}""", true)]
    [InlineData("""{"Bool":{"aws:SecureTransport":true}}""", false)]
    [InlineData("""{"DateLessThan":{"aws:CurrentTime":"2026-01-31T12:00:01Z"}}""", true)]
    [InlineData("""{"DateLessThan":{"aws:CurrentTime":"2026-01-31T13:00:00+01:00"}}""", false)]
    [InlineData("""{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-01-31"}}""", true)]
    [InlineData("""{"NumericLessThan":{"aws:EpochTime":1769860801}}""", true)]
    [InlineData("""{"NumericLessThanEquals":{"aws:EpochTime":"1769860799"}}""", false)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/team":"lab"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/Team":"lab"}}""", true)]
    [InlineData("""{"StringEquals":{"aws:ResourceTag/stage":"lab"}}""", false)]
    // Absent: positive tests fail, negated ones hold, and IfExists holds.
    [InlineData("""{"StringNotEquals":{"aws:ResourceTag/stage":"lab"}}""", true)]
    [InlineData("""{"StringEqualsIfExists":{"aws:ResourceTag/stage":"lab"}}""", true)]
    [InlineData("""{"StringEqualsIfExists":{"aws:ResourceTag/team":"other"}}""", false)]
    [InlineData("""{"Null":{"aws:ResourceTag/stage":"true"}}""", true)]
    [InlineData("""{"Null":{"aws:ResourceTag/team":"true"}}""", false)]
    [InlineData("""{"Null":{"aws:ResourceTag/team":false}}""", true)]
    [InlineData("""{"StringEquals":{"aws:RequestTag/stage":"test"}}""", true)]
    [InlineData("""{"ForAllValues:StringEquals":{"aws:TagKeys":["stage","cost","x"]}}""", true)]
    [InlineData("""{"ForAllValues:StringEquals":{"aws:TagKeys":["stage"]}}""", false)]
    [InlineData("""{"ForAnyValue:StringLike":{"aws:TagKeys":["st*"]}}""", true)]
    [InlineData("""{"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}}""", false)]
    [InlineData("""{"ForAllValues:StringNotEquals":{"aws:TagKeys":["cost"]}}""", false)]
    [InlineData("""{"ForAllValues:StringEquals":{"aws:ResourceTag/stage":"x"}}""", true)]
    [InlineData("""{"ForAnyValue:StringEquals":{"aws:ResourceTag/stage":"x"}}""", false)]
    // All lines must hold together.
    [InlineData("""{"StringEquals":{"aws:username":"ann","aws:RequestedRegion":"eu-west-1"}}""", false)]
    [InlineData("""{"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":"true"}}""", false)]
    public void Conditions_hold_as_in_IAM(string condition, bool holds) =>
        Assert.Equal(holds ? "Allowed" : "Silent", Verdict($$"""{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{condition}}}"""));

    [Theory]
    [InlineData("[]", "an object was expected")]
    [InlineData("{", "not JSON")]
    [InlineData("""{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""", "Version")]
    [InlineData("""{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""", "Version")]
    [InlineData("""{"Version":"2012-10-17","Statement":[]}""", "Statement")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"},"Statements":[]}""", "'Statements'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}""", "Effect")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}""", "Effect")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}""", "'Principal'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}""", "neither Action nor NotAction")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}""", "both Action and NotAction")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}""", "Action must be")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"rekognition:StopProjectVersions","Resource":"*"}}""",
        "'rekognition:StopProjectVersions'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"rekogniton:*","Resource":"*"}}""", "'rekogniton:*'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:bucket"}}""", "'arn:aws:s3:bucket'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}/*"}}""", "variable")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"aws:username":"a"}}}}""", "'StringIs'")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NullIfExists":{"aws:username":"true"}}}}""",
        "'NullIfExists'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:MultiFactorAuthPresent":"a"}}}}""", "'aws:MultiFactorAuthPresent'")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"a"}}}}""",
        "ForAllValues:StringEquals")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"home"}}}}""", "'home'")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}}}""",
        "'tomorrow'")]
    [InlineData(
        """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"yes"}}}}""", "'yes'")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:PrincipalAccount}"}}}}""", "variable")]
    public void What_is_not_understood_is_refused_and_named(string document, string named)
    {
        var refusal = Assert.Throws<RefusedException>(() => IdentityPolicy.Parse(document));
        Assert.Equal(RefusalKind.MalformedPolicy, refusal.Kind);
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_resources_one_Allow_is_enough_and_one_Deny_denies()
    {
        var rights = Rights("""{"Effect":"Allow","Action":"rekognition:CreateProjectVersion","Resource":"arn:aws:rekognition:*:*:project/cells/version/*"}""");
        Assert.Null(rights.Refusal(new("rekognition:CreateProjectVersion", "arn:aws:rekognition:us-east-1:123456789012:project/cells/1", One)));
        var denied = Rights("""{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:rekognition:*:*:project/cells/version/*"}""");
        Assert.Equal(
            $"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: rekognition:CreateProjectVersion on resource: {One} with an explicit "
                + $"deny in an identity-based policy",
            denied.Refusal(new("rekognition:CreateProjectVersion", "arn:aws:rekognition:us-east-1:123456789012:project/cells/1", One)));
    }

    [Fact]
    public void Rights_that_were_stored_say_the_same_again()
    {
        var rights = CallerRights.FromJson(Rights("""{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"DateEquals":{"aws:CurrentTime":"2026-01-31T12:00:00Z"}}}""").ToJson());
        Assert.True(rights.Allow(Permission.Read("b", "k")));
        Assert.False(rights.Allow(Permission.Write("b", "k")));
        Assert.False(CallerRights.FromJson(null).Allow(Permission.Read("b", "k")));
    }

    [Fact]
    public void The_ready_made_policies_allow_what_their_names_say()
    {
        Dictionary<string, CallerRights> rights = ManagedPolicies.Names.ToDictionary(
            n => n, n => new CallerRights(Ann, [IdentityPolicy.Parse(ManagedPolicies.Get(n).Document)], Noon));
        string[] Who(string action) => [.. ManagedPolicies.Names.Where(n => rights[n].Allow(new(action, One)))];
        Assert.Equal(["administrator", "trainer", "inference"], Who("rekognition:DetectCustomLabels"));
        Assert.Equal(["administrator", "trainer"], Who("rekognition:StopProjectVersion"));
        Assert.Equal(["administrator", "trainer"], Who("s3:PutObject"));
        Assert.Equal(["administrator"], Who("rekognition:PutProjectPolicy"));
        Assert.Equal(["administrator"], Who("s3:DeleteBucket"));
    }

    private static CallerRights Rights(string statements) => new(Ann, [IdentityPolicy.Parse(AccessKeys.Document(statements))], Noon);

    private static string Verdict(string statements)
    {
        var permission = new Permission("rekognition:StopProjectVersion", One)
        {
            Tags = new Dictionary<string, string> { ["stage"] = "test", ["cost"] = "7" },
            TagKeys = ["stage", "cost"],
        };
        var words = Rights(statements).Refusal(permission, new Dictionary<string, string> { ["team"] = "lab" });
        return words is null ? "Allowed" : words.Contains("explicit deny", StringComparison.Ordinal) ? "Denied" : "Silent";
    }
}
